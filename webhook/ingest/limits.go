package ingest

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/pflag"
)

// Limits keep one caller, or a crowd of them, from taking more of a replica than it has.
type Limits struct {
	// DocumentBytes is the length of the longest document. The longest valid one, 1,000 enrollments written with white
	// space, has a quarter of the default, 1 MiB.
	DocumentBytes int64
	// BulkBytes is the length of the longest body of a bulk request, unpacked. A line of it may be as long as a document.
	// Default: 1 GiB.
	BulkBytes int64
	// HeaderTimeout is how long the header of a request may take to arrive. Default: 5 s.
	HeaderTimeout time.Duration
	// ReadTimeout is how long the whole of a request may take to arrive, so that a slow sender holds no connection. A bulk
	// request may take longer, but not its sender without sending, while no answer is owed, or without reading answers, for so
	// long. Default: 10 s.
	ReadTimeout time.Duration
	// RequestTimeout is how long the work on a document may take; the time in which its body arrives is no part of it. It is answered with 503 when it takes longer, and nothing
	// is acknowledged. Default: 10 s.
	RequestTimeout time.Duration
	// MaxInFlight is how many requests for a single contact are worked on at a time; more are refused at once. Default: 256.
	MaxInFlight int64
	// MaxBulkInFlight is how many bulk requests are worked on at a time, each on 16 lines; more are refused at once. One caller
	// may have a quarter of them, but at least one. Default: 16.
	MaxBulkInFlight int64
	// CallerRate is how many documents per second one caller may send or read on this replica. Requests beyond it are
	// refused; the lines of bulk requests are counted apart, and wait. Default: 1,000.
	CallerRate int
	// CallerBurst is how many documents a caller who was quiet before may send at once. Default: 2,000.
	CallerBurst int
}

// DefaultLimits are for a replica of the size that config/manager gives it.
func DefaultLimits() Limits {
	return Limits{
		DocumentBytes:   1 << 20,
		BulkBytes:       1 << 30,
		HeaderTimeout:   5 * time.Second,
		ReadTimeout:     10 * time.Second,
		RequestTimeout:  10 * time.Second,
		MaxInFlight:     256,
		MaxBulkInFlight: 16,
		CallerRate:      1000,
		CallerBurst:     2000,
	}
}

// AddFlags lets flags change the limits; what they are now is the default.
func (l *Limits) AddFlags(flags *pflag.FlagSet) {
	flags.Int64Var(&l.DocumentBytes, "ingest-max-document-bytes", l.DocumentBytes, "length of the longest document that is taken, in bytes")
	flags.Int64Var(&l.BulkBytes, "ingest-max-bulk-bytes", l.BulkBytes, "length of the longest body of a bulk request, unpacked, in bytes")
	flags.DurationVar(&l.HeaderTimeout, "ingest-header-timeout", l.HeaderTimeout, "time for the header of a request to arrive")
	flags.DurationVar(&l.ReadTimeout, "ingest-read-timeout", l.ReadTimeout, "time for all of a request to arrive; in a bulk request, for its next bytes, and for answers to be read")
	flags.DurationVar(&l.RequestTimeout, "ingest-request-timeout", l.RequestTimeout, "time for the work on a document, without that in which its body arrives; after it the answer is 503")
	flags.Int64Var(&l.MaxInFlight, "ingest-max-in-flight", l.MaxInFlight, "requests that are worked on at a time; beyond it the answer is 503")
	flags.Int64Var(&l.MaxBulkInFlight, "ingest-max-bulk-in-flight", l.MaxBulkInFlight, "bulk requests that are worked on at a time; beyond it the answer is 503; one caller may have a quarter of them, but at least one; beyond that it is 429")
	flags.IntVar(&l.CallerRate, "ingest-caller-rate", l.CallerRate, "documents per second and replica that one caller may send or read; beyond it the answer is 429; the lines of bulk requests are counted apart, and wait")
	flags.IntVar(&l.CallerBurst, "ingest-caller-burst", l.CallerBurst, "documents that one caller may send or read at once before the rate counts")
}

// validate finds limits that would let nothing through.
func (l *Limits) validate() error {
	var wrong []error
	for name, value := range map[string]float64{
		"ingest-max-document-bytes": float64(l.DocumentBytes),
		"ingest-max-bulk-bytes":     float64(l.BulkBytes),
		"ingest-header-timeout":     float64(l.HeaderTimeout),
		"ingest-read-timeout":       float64(l.ReadTimeout),
		"ingest-request-timeout":    float64(l.RequestTimeout),
		"ingest-max-in-flight":      float64(l.MaxInFlight),
		"ingest-max-bulk-in-flight": float64(l.MaxBulkInFlight),
		"ingest-caller-rate":        float64(l.CallerRate),
		"ingest-caller-burst":       float64(l.CallerBurst),
	} {
		if value <= 0 {
			wrong = append(wrong, fmt.Errorf("--%s must be more than 0", name))
		}
	}
	return errors.Join(wrong...)
}
