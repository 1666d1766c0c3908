package push

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strconv"
	"strings"
)

// private is the mode of all files that are written: they say who learns what.
const private = 0o600

// record is a file beside the input that entries are appended to. It is not there before the first one.
type record struct {
	// role is what the record is called in the state.
	role   string
	path   string
	header []byte
	// length is that of the file, in bytes.
	length int64
	file   *os.File
}

// restore makes the file as long as it was when a state was saved that later entries are not part of.
func (r *record) restore(length int64) error {
	r.length = length
	if err := r.close(); err != nil { // of an attempt that did not succeed for all records
		return err
	}
	if length == 0 {
		return remove(r.path)
	}
	file, err := os.OpenFile(r.path, os.O_WRONLY, private)
	if err != nil {
		return err
	}
	r.file = file
	end, err := file.Seek(0, io.SeekEnd)
	if err == nil && end < length {
		err = fmt.Errorf("%s is shorter than it was", r.path)
	}
	if err != nil {
		return errors.Join(err, r.close())
	}
	_, err = file.Seek(length, io.SeekStart)
	return errors.Join(err, file.Truncate(length))
}

// old is where the record of an earlier run is kept.
func (r *record) old() string { return r.path + ".old" }

// begin makes room for a new record. That of an earlier run is kept, as nothing is known yet that could take its place.
func (r *record) begin() error {
	r.length = 0
	if err := r.close(); err != nil {
		return err
	}
	if err := os.Rename(r.path, r.old()); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

func (r *record) append(entry []byte) error {
	if r.file == nil {
		file, err := os.OpenFile(r.path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, private)
		if err != nil {
			return err
		}
		r.file = file
		entry = append(bytes.Clone(r.header), entry...)
	}
	n, err := r.file.Write(entry)
	r.length += int64(n)
	return err
}

func (r *record) close() error {
	if r.file == nil {
		return nil
	}
	file := r.file
	r.file = nil
	return file.Close()
}

// remove deletes a file if it is there.
func remove(path string) error {
	if err := os.Remove(path); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// reportHeader names the columns of a report.
const reportHeader = "line\tcontactID\tstatus\ttype\tpointer\treason\tdetail\n"

// possibleID matches what the server takes for a contact ID. Anything else that stands in its place may be personal, or a
// formula to a spreadsheet.
var possibleID = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

// idCell gives a contact ID as it may be in a report, or nothing.
func idCell(id string) string {
	if possibleID.MatchString(id) {
		return id
	}
	return ""
}

// report is a document's part of a report: a row for each thing that is wrong with it, or conflicts.
func report(d *document, a *answer) []byte {
	errors := a.Errors
	if len(errors) == 0 {
		errors = []finding{{Reason: a.kind(), Detail: a.Detail}}
	}
	var rows bytes.Buffer
	for _, e := range errors {
		cells := []string{strconv.FormatInt(d.line, 10), idCell(a.ContactID), a.status(), a.Type, e.where(), e.Reason, e.Detail}
		for i, cell := range cells {
			cells[i] = strings.Join(strings.Fields(cell), " ") // a tab or an end of line would begin another cell
		}
		rows.WriteString(strings.Join(cells, "\t") + "\n")
	}
	return rows.Bytes()
}
