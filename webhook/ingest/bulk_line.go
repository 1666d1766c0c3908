package ingest

import (
	"net/http"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"rollcall.dev/rollcall/internal/documents"
	"rollcall.dev/rollcall/webhook/problem"
)

// bulkLine is a line of a bulk request: a document, and its revision, which is in a header of a PUT.
type bulkLine struct {
	document
	Revision jsontext.Value `json:"DocumentRevision,omitzero"`
}

// revisionPointer is where the revision of a line is.
const revisionPointer = "/DocumentRevision"

// parcelOf reads a line of a bulk request; wish is what is asked for in all lines.
func parcelOf(line []byte, wish wish) parcel {
	read, err := decode[bulkLine](line)
	if err != nil {
		return parcel{contactID: contactIDIn(line), wish: wish, fault: err}
	}
	sent := parcel{contactID: read.contactID(), document: read.document, wish: wish}
	if read.Revision != nil {
		if revision, err := documents.ParseRevision(string(read.Revision)); err == nil {
			sent.wish.revision = &revision
		} else {
			sent.fault = problem.BadRequest(problem.Error{Pointer: revisionPointer, Reason: problem.ReasonMalformed,
				Detail: "This must be one whole number from 0 to 9223372036854775807."})
		}
	}
	return sent
}

// contactIDIn gives the contact ID of a line that cannot be taken, if it can be read all the same.
func contactIDIn(line []byte) string {
	var read struct {
		Contact struct {
			ContactID *string `json:"ContactID"`
		} `json:"Contact"`
	}
	if json.Unmarshal(line, &read) != nil {
		return ""
	}
	return document{Contact: &contact{ContactID: read.Contact.ContactID}}.contactID()
}

// contactID is the document's own, or nothing if it is not one.
func (d document) contactID() string {
	if d.Contact == nil || d.Contact.ContactID == nil || !isCode(*d.Contact.ContactID) {
		return ""
	}
	return *d.Contact.ContactID
}

// bulkWishOf reads the headers and parameters of a bulk request.
func bulkWishOf(r *http.Request) (wish, error) {
	read, err := wishOf(r)
	if err != nil {
		return wish{}, err
	}
	var wrong []problem.Error
	for _, name := range []string{"If-Match", "If-None-Match", revisionHeader} {
		if r.Header.Get(name) != "" {
			wrong = append(wrong, problem.Error{Header: name, Reason: problem.ReasonInconsistent,
				Detail: "This is about one document, and cannot be asked for in a bulk request. The revision of a line is its member DocumentRevision."})
		}
	}
	if len(wrong) > 0 {
		return wish{}, problem.BadRequest(wrong...)
	}
	return read, nil
}
