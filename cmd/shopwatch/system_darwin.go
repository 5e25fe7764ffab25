package main

// lacking is what shopwatch cannot do on this system.
func lacking() []string {
	return []string{
		"when shopwatch is killed, its Chrome is not ended with it",
		"it cannot name the process that has the database open",
		"it gives back less memory while it waits",
	}
}
