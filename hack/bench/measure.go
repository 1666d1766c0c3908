package main

import (
	"context"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

// sample is what measured requests took.
type sample struct {
	latencies []time.Duration
	took      time.Duration
}

// measure makes count requests, so many at a time, each as soon as another one is answered.
func measure(ctx context.Context, concurrency, count int, do func(ctx context.Context, i int) error) (sample, error) {
	var s sample
	var next atomic.Int64
	var mu sync.Mutex
	workers, ctx := errgroup.WithContext(ctx)
	start := time.Now()
	for range concurrency {
		workers.Go(func() error {
			var latencies []time.Duration
			for i := next.Add(1) - 1; i < int64(count); i = next.Add(1) - 1 {
				begin := time.Now()
				if err := do(ctx, int(i)); err != nil {
					return err
				}
				latencies = append(latencies, time.Since(begin))
			}
			mu.Lock()
			defer mu.Unlock()
			s.latencies = append(s.latencies, latencies...)
			return nil
		})
	}
	err := workers.Wait()
	s.took = time.Since(start)
	return s, err
}

func (s sample) rate() float64 { return float64(len(s.latencies)) / s.took.Seconds() }

// quantile gives the latency that this share of the requests did not exceed.
func (s sample) quantile(share float64) time.Duration {
	sorted := slices.Sorted(slices.Values(s.latencies))
	if len(sorted) == 0 {
		return 0
	}
	return sorted[max(0, int(math.Ceil(share*float64(len(sorted))))-1)]
}

// series is one kind of request, measured in several rounds.
type series struct {
	name   string
	rounds []sample
	// writes are those that the requests caused; company is how many of others there were while they were under way.
	writes  writes
	company int
}

// all gives the rounds as one.
func (s *series) all() sample {
	var all sample
	for _, round := range s.rounds {
		all.latencies = append(all.latencies, round.latencies...)
		all.took += round.took
	}
	return all
}

// ratios compares a figure of two series round by round, and gives the quotients from the least to the most. Their median
// is what counts: a burst of somebody else's work spoils the rounds that it meets, and a sum would carry it along.
func ratios(a, b *series, figure func(sample) float64) []float64 {
	quotients := make([]float64, len(a.rounds))
	for i := range a.rounds {
		quotients[i] = figure(a.rounds[i]) / figure(b.rounds[i])
	}
	slices.Sort(quotients)
	return quotients
}

// median gives the middle of sorted values.
func median(sorted []float64) float64 {
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}

func rate(s sample) float64 { return s.rate() }

func p99(s sample) float64 { return s.quantile(0.99).Seconds() }
