// Shopwatch watches marketplace storefronts and tells people what was put on
// the shelf and what was taken off.
package main

import (
	_ "time/tzdata" // zones of schedules, also on machines that have none
)

// version is set by the linker.
var version = "devel"

func main() {}
