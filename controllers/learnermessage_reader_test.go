package controllers

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"rollcall.dev/rollcall/api/v1alpha1"
)

// hangingReader answers nothing.
type hangingReader struct{ client.Reader }

func (hangingReader) Get(ctx context.Context, _ client.ObjectKey, _ client.Object, _ ...client.GetOption) error {
	<-ctx.Done()
	return ctx.Err()
}

func TestAMessageDoesNotWaitForAnAPIServerAsLongAsForAMailServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, end := context.WithTimeout(t.Context(), deliveryTimeout)
		defer end()
		began := time.Now()
		r := &learnerMessageReconciler{live: promptReader{hangingReader{}}}
		if _, err := r.asWritten(ctx, &v1alpha1.LearnerMessage{}); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != visitTimeout {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
	})
}
