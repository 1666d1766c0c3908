package main

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A run takes 20 minutes, and its report is made at the end.
func TestThePageHasTheCurvesAndTheMissedGoals(t *testing.T) {
	found := &measured{clients: []int{1, 8}, series: map[point]*series{}}
	for _, stored := range []int{1000, 100_000} {
		found.states = append(found.states, &state{stored: stored})
		for _, clients := range found.clients {
			round := map[kind]series{}
			for _, kind := range kinds {
				round[kind] = series{rounds: []sample{{count: 10, took: time.Second, latencies: []time.Duration{time.Millisecond}}}}
			}
			round[putNew] = series{rounds: []sample{{count: 5, took: time.Second, latencies: []time.Duration{time.Millisecond}}}}
			found.add(stored, clients, round)
		}
	}
	sections := found.sections()
	if got := sections[0].Tables[0].Rows[0]; got[2] != "0 of 4" || got[3] != missed {
		t.Errorf("half the rate of raw creates, with a goal of 0.9, is reported as %q", got)
	}

	path := filepath.Join(t.TempDir(), "new", "report.html")
	if err := writePage(path, "on a small machine", sections); err != nil {
		t.Fatal(err)
	}
	written, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	charts := 0
	for _, part := range strings.SplitAfter(string(written), "</svg>") {
		if _, chart, ok := strings.Cut(part, "<svg"); ok {
			charts++
			if err := wellFormed("<svg" + chart); err != nil {
				t.Errorf("a chart is no XML: %v", err)
			}
			if strings.Contains(chart, "NaN") || !strings.Contains(chart, "<polyline points=\"1") {
				t.Errorf("a chart has no curve:\n<svg%s", chart)
			}
		}
	}
	if want := len(comparisons) + len(found.states); charts != want {
		t.Errorf("the page has %d charts, want %d", charts, want)
	}
}

func wellFormed(text string) error {
	for decoder := xml.NewDecoder(strings.NewReader(text)); ; {
		if _, err := decoder.Token(); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
	}
}
