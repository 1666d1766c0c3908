package ingest

import (
	"context"
	"io"
	"net/http"
	"sync"
	"time"

	"k8s.io/utils/clock"

	"rollcall.dev/rollcall/webhook/doors"
	"rollcall.dev/rollcall/webhook/middleware"
	"rollcall.dev/rollcall/webhook/problem"
)

// exchange is a request whose body is read while its answer is written. There is no limit on all of it: it ends when the
// caller is waited for, and neither sends nor reads anything for too long.
type exchange struct {
	body     io.Reader
	writer   http.ResponseWriter
	control  *http.ResponseController
	patience time.Duration
	// reading ends when nothing more is to be read; halt ends it.
	reading context.Context
	halt    func()

	mu sync.Mutex
	// owed is how many answers the caller may be waiting for; waits is true while the exchange waits for the caller's bytes.
	owed  int
	waits bool
}

// newExchange takes the reading and writing of a request over from the server, and from its time limits. Where there are
// none, as in some tests, there is nothing to take over.
func newExchange(w http.ResponseWriter, r *http.Request, patience time.Duration) *exchange {
	reading, stop := context.WithCancel(context.WithoutCancel(r.Context()))
	e := &exchange{body: r.Body, writer: w, control: http.NewResponseController(w), patience: patience, reading: reading}
	e.halt = func() {
		stop()
		e.wind(func() {}) // wakes a reader that waits
	}
	_ = e.control.EnableFullDuplex()
	middleware.CloseAfter(w, r)
	_ = e.control.SetWriteDeadline(time.Time{})
	return e
}

// Read reads the body.
func (e *exchange) Read(p []byte) (int, error) {
	e.wind(func() { e.waits = true })
	defer e.wind(func() { e.waits = false })
	if e.isHalted() {
		return 0, io.ErrUnexpectedEOF
	}
	return e.body.Read(p)
}

// owe says that so many more answers are to come; with a negative number, that they were sent.
func (e *exchange) owe(answers int) { e.wind(func() { e.owed += answers }) }

// wind sets the clock of the reader after a change. Time counts only while the caller is waited for, and does not wait for
// answers: HTTP/2 would end the stream at a deadline even if nobody reads.
func (e *exchange) wind(change func()) {
	e.mu.Lock()
	defer e.mu.Unlock()
	change()
	var deadline time.Time
	switch {
	case e.isHalted():
		deadline = time.Unix(0, 0)
	case e.waits && e.owed == 0:
		deadline = e.deadline()
	}
	_ = e.control.SetReadDeadline(deadline)
}

// Write sends a part of the answer.
func (e *exchange) Write(p []byte) (int, error) {
	_ = e.control.SetWriteDeadline(e.deadline())
	n, err := e.writer.Write(p)
	if err == nil {
		err = e.control.Flush()
	}
	_ = e.control.SetWriteDeadline(time.Time{})
	return n, err
}

// end leaves what is not sent and not read yet to the server, which waits for the caller no longer than the exchange did.
func (e *exchange) end() {
	_ = e.control.SetReadDeadline(e.deadline())
	_ = e.control.SetWriteDeadline(e.deadline())
}

// deadline is in the time of the network, which is the real one.
func (e *exchange) deadline() time.Time { return clock.RealClock{}.Now().Add(e.patience) }

func (e *exchange) isHalted() bool { return e.reading.Err() != nil }

// stopping says that a line was not looked at because the server ends.
func stopping() *problem.Problem {
	return problem.Unavailable("Rollcall is stopping. Nothing was done with this line; send it and what follows again.", doors.RetryAfter)
}
