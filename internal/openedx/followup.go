package openedx

import "context"

type followUpKey struct{}

// asFollowUp gives a context for the calls that finish what a first one began. They go ahead of those who wait, and the
// budget makes up for it afterwards: with turns more than a second apart they would be sent away, and the first call be made
// again and again in vain.
func asFollowUp(ctx context.Context) context.Context {
	return context.WithValue(ctx, followUpKey{}, true)
}

func isFollowUp(ctx context.Context) bool { return ctx.Value(followUpKey{}) != nil }
