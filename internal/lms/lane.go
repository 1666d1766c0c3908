package lms

import "context"

// Lane says how urgent a call is: what waits for the same budget goes before what is in a lower lane, which has a share of
// its own all the same.
type Lane int

const (
	// Live calls carry out what was sold or changed just now. A call without a lane is one.
	Live Lane = iota
	// Retry calls try again what failed before.
	Retry
	// Background calls look whether the LMS is still as it was left.
	Background
)

// String is the lane's name in metrics.
func (l Lane) String() string { return [...]string{"live", "retry", "background"}[l] }

type laneKey struct{}

// WithLane gives the calls that are made with the context a lane.
func WithLane(ctx context.Context, lane Lane) context.Context {
	return context.WithValue(ctx, laneKey{}, lane)
}

// LaneOf gives the lane of a call: Live, if none was given.
func LaneOf(ctx context.Context) Lane {
	lane, _ := ctx.Value(laneKey{}).(Lane)
	return lane
}
