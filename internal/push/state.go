package push

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
)

// state is what a run leaves for the next one, in case that it does not come to its end.
type state struct {
	// Target is where the documents are sent to, and Input which content of the file they are.
	Target string   `json:"target"`
	Input  identity `json:"input"`
	// Read is how many documents were begun, and Unsettled the numbers of those of them that are not settled.
	Read      int64   `json:"read"`
	Unsettled []int64 `json:"unsettled"`
	// Lengths are those of the records, in bytes, by their roles: the path of a file can be written in several ways. What is
	// behind them was not settled yet, and is cut off.
	Lengths map[string]int64 `json:"lengths"`
	Tally   tally            `json:"tally"`
}

// loadState gives what an earlier run left, or nil if it left nothing.
func loadState(path string) (*state, error) {
	content, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	loaded := &state{}
	if err := json.Unmarshal(content, loaded); err != nil {
		return nil, fmt.Errorf("%s cannot be read: %w", path, err)
	}
	return loaded, nil
}

// save replaces the file in one step, so that there is always a whole one, even after a power failure.
func (s *state) save(path string) error {
	content, err := json.Marshal(s)
	if err != nil {
		return err
	}
	if err := remove(path + ".new"); err != nil { // of a run that was killed
		return err
	}
	file, err := os.OpenFile(path+".new", os.O_CREATE|os.O_EXCL|os.O_WRONLY, private)
	if err != nil {
		return err
	}
	_, err = file.Write(append(content, '\n'))
	if err := errors.Join(err, file.Sync(), file.Close()); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}
