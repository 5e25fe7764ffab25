package api

import (
	"maps"
	"slices"
)

// OpenRoutes are the patterns of the routes that need no token on this machine.
func (s *Server) OpenRoutes() []string { return slices.Sorted(maps.Keys(s.open)) }
