package config

import (
	"os"
	"os/user"
	"path/filepath"
	"runtime"
	"strings"
)

// LoginCommand is what a person types to log in to a marketplace on this
// machine: by phone where there is no screen.
func (c *Config) LoginCommand(marketplace string) string {
	command := c.Command("login " + marketplace)
	if runtime.GOOS == "linux" && os.Getenv("DISPLAY") == "" && os.Getenv("WAYLAND_DISPLAY") == "" {
		command += " --qr"
	}
	return command
}

// Command is what a person types to have shopwatch do something with this
// configuration: as the user of the service where systemd has started this process.
func (c *Config) Command(does string) string {
	command := "shopwatch"
	if os.Getenv("INVOCATION_ID") != "" { // systemd has started this process
		if u, err := user.Current(); err == nil && u.Uid != "0" {
			command = "sudo -u " + u.Username + " " + command
		}
		if file, err := filepath.Abs(c.file); err == nil {
			command += " -c " + shellWord(file)
		}
	} else if c.file != "" && c.file != "shopwatch.yaml" {
		command += " -c " + shellWord(c.file)
	}
	return command + " " + does
}

// shellWord is a file name as a shell takes it.
func shellWord(s string) string {
	if strings.ContainsAny(s, " \t\n'\"\\$`*?[]{}()<>|&;~#!") {
		return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
	}
	return s
}
