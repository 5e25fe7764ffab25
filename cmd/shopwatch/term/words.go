package term

import (
	"fmt"
	"strings"
	"time"
)

// List names several things.
func List[T ~string](all []T) string {
	s := make([]string, len(all))
	for i := range all {
		s[i] = string(all[i])
	}
	return strings.Join(s, ", ")
}

// Count counts things, of as many as are declared.
func Count(n, declared int, thing string) string {
	s := fmt.Sprint(n)
	if declared > 0 {
		s += fmt.Sprint(" of ", declared)
	}
	if max(n, declared) != 1 {
		if stem, ok := strings.CutSuffix(thing, "y"); ok {
			thing = stem + "ie"
		}
		thing += "s"
	}
	return s + " " + thing
}

// Size prints a size for people.
func Size(n int64) string {
	switch {
	case n < 1<<10:
		return fmt.Sprintf("%d B", n)
	case n < 1<<20:
		return fmt.Sprintf("%.1f KiB", float64(n)/(1<<10))
	case n < 1<<30:
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	}
	return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
}

// Ago says how long something is past, roughly.
func Ago(d time.Duration) string {
	switch {
	case d < 2*time.Minute:
		return "just now"
	case d < 2*time.Hour:
		return fmt.Sprintf("%d minutes ago", d/time.Minute)
	case d < 48*time.Hour:
		return fmt.Sprintf("%d hours ago", d/time.Hour)
	}
	return fmt.Sprintf("%d days ago", d/(24*time.Hour))
}

// About is a duration as people say it.
func About(d time.Duration) string {
	switch {
	case d < 10*time.Second:
		return fmt.Sprintf("%ds", max(1, int(d.Round(time.Second).Seconds())))
	case d < 2*time.Minute:
		return fmt.Sprintf("%ds", int(d.Round(5*time.Second).Seconds()))
	case d < 2*time.Hour:
		return fmt.Sprintf("%d min", int(d.Round(time.Minute).Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h", int(d.Round(time.Hour).Hours()))
	}
	return fmt.Sprintf("%d days", int(d.Round(24*time.Hour).Hours()/24))
}
