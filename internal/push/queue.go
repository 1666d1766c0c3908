package push

import (
	"context"
)

// queue gives the documents to send: those first that have to be sent again, then the next ones of the input, and none of
// those that are settled.
type queue struct {
	again []*document
	// fresh comes from a reader of its own, so that nobody who has other work waits for a pipe. When it is closed, ended says
	// why.
	fresh  chan *document
	ended  error
	ledger *ledger
}

// readAhead is how many documents are read before they are wanted.
const readAhead = 64

func newQueue(ctx context.Context, in *input, found *survey, ledger *ledger) *queue {
	q := &queue{fresh: make(chan *document, readAhead), ledger: ledger}
	go func() {
		defer close(q.fresh)
		q.ended = q.read(ctx, in, found)
	}()
	return q
}

func (q *queue) read(ctx context.Context, in *input, found *survey) error {
	documents, err := in.open(found)
	if err != nil {
		return err
	}
	for {
		document, err := documents.next()
		if err != nil {
			return err
		}
		select {
		case q.fresh <- document:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// next gives the next document; when it has to be waited for, idle is called before. The error after the last one is io.EOF.
func (q *queue) next(ctx context.Context, idle func() error) (*document, error) {
	if len(q.again) > 0 {
		document := q.again[0]
		q.again = q.again[1:]
		return document, nil
	}
	for {
		var document *document
		var more bool
		select {
		case document, more = <-q.fresh:
		default:
			if err := idle(); err != nil {
				return nil, err
			}
			select {
			case document, more = <-q.fresh:
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}
		if !more {
			return nil, q.ended
		}
		if q.ledger.take(document) {
			return document, nil
		}
	}
}
