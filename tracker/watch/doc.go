// Package watch decides when storefronts are scanned.
package watch
