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
	count int
	took  time.Duration
	// cpu is what all processes but this one took meanwhile, in seconds of CPU time.
	cpu float64
	// latencies are empty where many documents go in one request.
	latencies []time.Duration
}

// measure makes count requests from so many clients, each as soon as the client's one before is answered.
func measure(ctx context.Context, clients, count int, do func(ctx context.Context, i int) error) (sample, error) {
	var next atomic.Int64
	var mu sync.Mutex
	s := sample{count: count}
	workers, ctx := errgroup.WithContext(ctx)
	start := time.Now()
	for range clients {
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

func (s sample) rate() float64 { return float64(s.count) / s.took.Seconds() }

// quantile gives the latency in seconds that this share of the requests did not exceed.
func (s sample) quantile(share float64) float64 {
	sorted := slices.Sorted(slices.Values(s.latencies))
	if len(sorted) == 0 {
		return math.NaN()
	}
	return sorted[max(0, int(math.Ceil(share*float64(len(sorted))))-1)].Seconds()
}

func (s sample) p99() float64 { return s.quantile(0.99) }

// series is one kind of request, measured in several rounds.
type series struct {
	rounds []sample
	// writes are those that the requests caused; company is how many of others there were while they were under way.
	writes  writes
	company int
}

// all gives the rounds as one.
func (s *series) all() sample {
	var all sample
	for _, round := range s.rounds {
		all.count += round.count
		all.took += round.took
		all.cpu += round.cpu
		all.latencies = append(all.latencies, round.latencies...)
	}
	return all
}

// spread is a figure that was found in every round.
type spread struct{ least, median, most float64 }

func spreadOf(values []float64) spread {
	slices.Sort(values)
	middle := len(values) / 2
	median := values[middle]
	if len(values)%2 == 0 {
		median = (values[middle-1] + median) / 2
	}
	return spread{values[0], median, values[len(values)-1]}
}

func (s *series) spread(figure func(sample) float64) spread {
	var values []float64
	for _, round := range s.rounds {
		values = append(values, figure(round))
	}
	return spreadOf(values)
}

// ratios compares a figure of two series round by round. The median is what counts: a burst of somebody else's work spoils
// the rounds that it meets, and a sum would carry it along.
func ratios(a, b *series, figure func(sample) float64) spread {
	var quotients []float64
	for i := range a.rounds {
		quotients = append(quotients, figure(a.rounds[i])/figure(b.rounds[i]))
	}
	return spreadOf(quotients)
}
