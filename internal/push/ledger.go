package push

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/gofrs/flock"
	"k8s.io/utils/clock"
)

// ledger knows what became of each document, and keeps it where the next run finds it.
type ledger struct {
	input    *input
	dryRun   bool
	progress *meter
	clock    clock.WithTicker
	lock     *flock.Flock

	// refusedDocuments are as they were in the input, and reports say why; conflicts were stored.
	refusedDocuments, refusals, conflicts *record

	mutex sync.Mutex
	state state
	open  map[int64]bool // the numbers of the documents that were begun and are not settled
	// failed is why no more can be kept.
	failed error

	stop  chan struct{}
	saves sync.WaitGroup
}

// saveInterval is how much work is repeated at most when the next run goes on.
const saveInterval = time.Second

// openLedger begins a new ledger, or takes up the one that an earlier run of the same documents to the same server left.
func openLedger(options *Options, in *input, found *survey, target string, progress *meter) (*ledger, error) {
	l := &ledger{
		input: in, dryRun: options.DryRun, progress: progress, clock: options.Clock,
		lock:             flock.New(in.name + ".push-lock"),
		refusedDocuments: &record{role: "refused", path: in.name + ".refused." + string(in.format), header: found.header},
		refusals:         &record{role: "refusals", path: in.name + ".refused.tsv", header: []byte(reportHeader)},
		conflicts:        &record{role: "conflicts", path: in.name + ".conflicts.tsv", header: []byte(reportHeader)},
		state:            state{Target: target, Input: found.identity},
		open:             map[int64]bool{},
		stop:             make(chan struct{}),
	}
	if l.dryRun {
		return l, nil
	}
	if !in.named {
		if err := l.spare(options.Stdin); err != nil {
			return nil, err
		}
	}
	if free, err := l.lock.TryLock(); err != nil {
		return nil, err
	} else if !free {
		return nil, fmt.Errorf("another run pushes %s", in.name)
	}
	if err := l.begin(options.Restart); err != nil {
		return nil, errors.Join(err, l.lock.Close())
	}
	l.saves.Go(l.saveRegularly)
	return l, nil
}

// spare refuses an input that the run would move away or replace.
func (l *ledger) spare(stdin io.Reader) error {
	file, ok := stdin.(*os.File)
	if !ok {
		return nil
	}
	sent, err := file.Stat()
	if err != nil {
		return err
	}
	for _, r := range l.records() {
		for _, path := range []string{r.path, r.old()} {
			if there, err := os.Stat(path); err == nil && os.SameFile(there, sent) {
				return fmt.Errorf("stdin is %s, which this run would replace; push it under another name", path)
			}
		}
	}
	return nil
}

// begin goes on with what is left of an earlier run, if that is possible.
func (l *ledger) begin(restart bool) error {
	if l.input.named && !restart {
		earlier, err := loadState(l.statePath())
		switch {
		case err != nil:
			l.progress.note(err.Error() + "; starting over")
		case earlier == nil:
		case earlier.Input != l.state.Input:
			l.progress.note(l.input.name + " was changed since the run that did not come to its end; starting over")
		case earlier.Target != l.state.Target:
			l.progress.note("the run that did not come to its end was to another server; starting over")
		default:
			if err = l.restore(earlier); err == nil {
				l.progress.note(fmt.Sprintf("going on where an earlier run ended: %d documents are settled (--restart forgets them)", l.done()))
				return nil
			}
			l.progress.note(err.Error() + "; starting over")
		}
	}
	for _, r := range l.records() {
		if err := r.begin(); err != nil {
			return err
		}
	}
	return l.save() // a folder that cannot be written to is better known now
}

func (l *ledger) restore(earlier *state) error {
	for _, r := range l.records() {
		length, known := earlier.Lengths[r.role]
		if !known {
			return fmt.Errorf("%s does not say how long %s was", l.statePath(), r.path)
		}
		if err := r.restore(length); err != nil {
			return err
		}
	}
	l.state = *earlier
	for _, number := range earlier.Unsettled {
		l.open[number] = true
	}
	return nil
}

func (l *ledger) records() []*record { return []*record{l.refusedDocuments, l.refusals, l.conflicts} }

func (l *ledger) statePath() string { return l.input.name + ".push-state" }

// take notes that a document was read, and says whether it is to be sent.
func (l *ledger) take(d *document) bool {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	switch {
	case d.number > l.state.Read:
		l.state.Read = d.number
		l.open[d.number] = true
	case !l.open[d.number]:
		return false // an earlier run settled it
	}
	if d.fault != nil {
		l.enter(d, &answer{ContactID: d.contactID, Errors: []finding{*d.fault}})
		return false
	}
	return true
}

// settle notes the last answer to a document.
func (l *ledger) settle(d *document, a *answer) error {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.enter(d, a)
	return l.failed
}

func (l *ledger) enter(d *document, a *answer) {
	delete(l.open, d.number)
	l.state.Tally.add(a)
	var err error
	switch {
	case l.dryRun:
		l.progress.aside(rehearsal(d, a))
	case a.isConflict():
		err = l.conflicts.append(report(d, a))
	case a.isRefused():
		err = errors.Join(l.refusedDocuments.append(d.original), l.refusals.append(report(d, a)))
	}
	l.failed = errors.Join(l.failed, err)
	l.progress.update(l.state.Tally.settled(), l.state.Tally.Refused)
}

// repeated notes that a document is sent once more.
func (l *ledger) repeated() {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.state.Tally.Repeated++
}

// done is how many documents are settled.
func (l *ledger) done() int64 {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return l.state.Tally.settled()
}

func (l *ledger) saveRegularly() {
	ticker := l.clock.NewTicker(saveInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C():
			if err := l.save(); err != nil {
				l.mutex.Lock()
				l.failed = err
				l.mutex.Unlock()
				return
			}
		case <-l.stop:
			return
		}
	}
}

// save keeps the state; the records are on the disk before it counts on them.
func (l *ledger) save() error {
	l.mutex.Lock()
	if failed := l.failed; failed != nil { // what is kept already is right
		l.mutex.Unlock()
		return failed
	}
	now := l.state
	now.Tally = now.Tally.clone()
	now.Unsettled = slices.Sorted(maps.Keys(l.open))
	now.Lengths = map[string]int64{}
	var files []*os.File
	for _, r := range l.records() {
		now.Lengths[r.role] = r.length
		if r.file != nil {
			files = append(files, r.file)
		}
	}
	l.mutex.Unlock()
	if !l.input.named {
		return nil
	}
	for _, file := range files {
		if err := file.Sync(); err != nil {
			return err
		}
	}
	return now.save(l.statePath())
}

// close keeps what is left to do for the next run; that is nothing if the run ended without an error.
func (l *ledger) close(err error) error {
	if l.dryRun {
		return err
	}
	close(l.stop)
	l.saves.Wait()
	if unsaved := l.save(); err == nil {
		err = unsaved
	}
	if err == nil {
		err = remove(l.statePath())
	}
	for _, r := range l.records() {
		err = errors.Join(err, r.close())
	}
	return errors.Join(err, l.lock.Close()) // its file stays: another run may have opened it already, to lock it next
}
