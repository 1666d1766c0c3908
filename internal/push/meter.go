package push

import (
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
	"k8s.io/utils/clock"
)

// meter shows how far a run is: a bar to a person, and a line now and then to a log.
type meter struct {
	messages, output io.Writer
	terminal         bool
	clock            clock.PassiveClock

	mutex   sync.Mutex
	bar     *progressbar.ProgressBar
	total   int64 // 0 if that is not known
	begin   int64 // what was settled before this run
	done    int64
	started time.Time
	printed time.Time
}

// printInterval is the time between two lines of a log.
const printInterval = 10 * time.Second

func newMeter(options *Options) *meter {
	return &meter{messages: options.Messages, output: options.Output, terminal: options.Terminal, clock: options.Clock}
}

// start begins to measure; total is how many documents there are, and done how many of them need no work any more.
func (m *meter) start(total, done int64) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	m.total, m.begin, m.done = total, done, done
	m.started = m.clock.Now()
	m.printed = m.started
	if left := total - done; m.terminal && (left > 0 || total == 0) {
		if total == 0 {
			left = -1
		}
		m.bar = progressbar.NewOptions64(left,
			progressbar.OptionSetWriter(m.messages),
			progressbar.OptionUseANSICodes(true),
			progressbar.OptionThrottle(100*time.Millisecond),
			progressbar.OptionShowCount(),
			progressbar.OptionShowIts(),
			progressbar.OptionSetItsString("documents"),
			progressbar.OptionFullWidth(),
			progressbar.OptionSetSpinnerChangeInterval(0), // it turns with each document, without a goroutine of its own
		)
	}
}

// update says how many documents are settled, and how many of them were refused.
func (m *meter) update(done, refused int64) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	step := done - m.done
	m.done = done
	if m.bar != nil {
		if refused > 0 {
			m.bar.Describe(fmt.Sprintf("%d refused", refused))
		}
		_ = m.bar.Add64(step)
		return
	}
	if now := m.clock.Now(); !m.terminal && now.Sub(m.printed) >= printInterval {
		m.printed = now
		_, _ = io.WriteString(m.messages, m.line(now, refused)+"\n")
	}
}

// line is how far the run is, for a log.
func (m *meter) line(now time.Time, refused int64) string {
	rate := float64(m.done-m.begin) / now.Sub(m.started).Seconds()
	if m.total == 0 {
		return fmt.Sprintf("%d documents, %.0f a second, %d refused", m.done, rate, refused)
	}
	left := time.Duration(float64(m.total-m.done) / rate * float64(time.Second))
	return fmt.Sprintf("%d of %d documents, %.0f a second, %d refused, %s left", m.done, m.total, rate, refused, left.Round(time.Second))
}

// note tells the person or the log something.
func (m *meter) note(text string) { m.print(m.messages, text+"\n") }

// aside prints a part of the output.
func (m *meter) aside(text string) { m.print(m.output, text) }

func (m *meter) print(w io.Writer, text string) {
	if text == "" {
		return
	}
	m.mutex.Lock()
	defer m.mutex.Unlock()
	if m.bar != nil {
		_ = m.bar.Clear()
	}
	_, _ = io.WriteString(w, text) // what nobody can read is no reason to stop
}

// end removes the bar.
func (m *meter) end() {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	if m.bar != nil {
		_ = m.bar.Clear()
		m.bar = nil
	}
}
