package main

import "time"

// measured is what was found about ingest.
type measured struct {
	clients []int
	series  map[point]*series
	states  []*state
}

// point is where a kind of request was measured.
type point struct {
	kind            kind
	stored, clients int
}

// state is how Rollcall and the API server do with so many Contacts stored.
type state struct {
	stored int
	// ready is the time from Rollcall's start until it took documents, and visited until it had looked at all Contacts.
	ready, visited time.Duration
	// restarted is the resident memory, by program, after that; loaded is what it was at the end of the measurements.
	restarted, loaded map[string]int
}

// add adds what a round found.
func (m *measured) add(stored, clients int, round map[kind]series) {
	for kind, found := range round {
		all := m.series[point{kind, stored, clients}]
		if all == nil {
			all = &series{}
			m.series[point{kind, stored, clients}] = all
		}
		all.rounds = append(all.rounds, found.rounds...)
		all.writes = all.writes.plus(found.writes)
		all.company += found.company
	}
}
