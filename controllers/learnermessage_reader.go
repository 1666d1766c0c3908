package controllers

import (
	"context"

	"sigs.k8s.io/controller-runtime/pkg/client"
)

// promptReader has the API server answer in the time of a usual visit. One that hands in a message may last longer, but only for
// the sake of the mail server.
type promptReader struct{ client.Reader }

// Get implements client.Reader.
func (r promptReader) Get(ctx context.Context, key client.ObjectKey, o client.Object, options ...client.GetOption) error {
	ctx, answered := context.WithTimeout(ctx, visitTimeout)
	defer answered()
	return r.Reader.Get(ctx, key, o, options...)
}
