//go:build unix

package fleet_test

// A worker of the nemesis run is this program with the address of its database in the
// environment.
const workerAt = "SHOPWATCH_TEST_WORKER"

func worker(string) int { return 1 }
