//go:build !linux && !darwin

package main

// lacking is what shopwatch cannot do on this system.
func lacking() []string {
	return []string{
		"when shopwatch is killed, its Chrome is not ended with it",
		"only Ctrl-C ends it in good order, and the configuration is read again only by a new start",
		"that no other user can read its files is left to the folder that they are in",
		"free space on the disk and the limit of open files are not looked at",
		"it cannot name the process that has the database open",
	}
}
