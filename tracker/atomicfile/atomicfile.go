// Package atomicfile replaces a file as a whole: a reader sees the old content
// or the new one, also after a power cut.
package atomicfile
