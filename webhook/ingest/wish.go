package ingest

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/documents"
	"rollcall.dev/rollcall/webhook/doors"
	"rollcall.dev/rollcall/webhook/problem"
)

// revisionHeader carries the number that the back office gives to the state of a contact.
const revisionHeader = "Document-Revision"

// dryRunParameter asks for a dry run, with the value that Kubernetes takes.
const dryRunParameter = "dryRun"

// wish is what a caller asks for besides the document. The zero value asks for nothing.
type wish struct {
	// match and noneMatch are the entity tags of If-Match and If-None-Match; "*" stands for any stored document.
	match, noneMatch []string
	// revision is the sender's number of the document: a lower one never replaces a higher one.
	revision *int64
	// dryRun stores nothing.
	dryRun bool
}

// wishOf reads the headers and parameters of a request.
func wishOf(r *http.Request) (wish, error) {
	var read wish
	var wrong []problem.Error
	var ok bool
	for name, tags := range map[string]*[]string{"If-Match": &read.match, "If-None-Match": &read.noneMatch} {
		if *tags, ok = doors.EntityTags(r.Header.Values(name)); !ok {
			wrong = append(wrong, problem.Error{Header: name, Reason: problem.ReasonMalformed,
				Detail: `This must be * or a list of entity tags, such as "abc".`})
		}
	}
	if values := r.Header.Values(revisionHeader); len(values) > 0 {
		revision, err := documents.ParseRevision(values[0])
		if err != nil || len(values) > 1 {
			wrong = append(wrong, problem.Error{Header: revisionHeader, Reason: problem.ReasonMalformed,
				Detail: "This must be one whole number from 0 to 9223372036854775807."})
		}
		read.revision = &revision
	}
	if read.dryRun, ok = dryRunIn(r.URL.RawQuery); !ok {
		wrong = append(wrong, problem.Error{Parameter: dryRunParameter, Reason: problem.ReasonMalformed,
			Detail: "The URL may have this parameter and no other one, once, with the value All."})
	}
	if len(wrong) > 0 {
		slices.SortFunc(wrong, func(a, b problem.Error) int { return strings.Compare(a.Header, b.Header) })
		return wish{}, problem.BadRequest(wrong...)
	}
	return read, nil
}

// dryRunIn says whether a query asks for a dry run. What is not understood is not ok: it may have been meant to ask for one.
func dryRunIn(query string) (dryRun, ok bool) {
	parameters, err := url.ParseQuery(query)
	values := parameters[dryRunParameter]
	switch {
	case err != nil || len(parameters) > 1:
		return false, false
	case len(parameters) == 0:
		return false, true
	default:
		return true, len(values) == 1 && values[0] == metav1.DryRunAll
	}
}

// allows gives the reason why a wish forbids to store what was sent; stored says nothing unless it is present.
func (w *wish) allows(stored *v1alpha1.Contact, present bool, sent *v1alpha1.ContactSpec) *problem.Problem {
	if len(w.match) == 0 && len(w.noneMatch) == 0 && w.revision == nil {
		return nil
	}
	var name string
	var newest *int64
	if present {
		name, newest = documents.Digest(&stored.Spec), documents.Revision(stored)
	}
	matches := func(tags []string, tag string) bool {
		return present && (slices.Contains(tags, "*") || slices.Contains(tags, tag))
	}
	tag := doors.ETag(name)
	var refusal *problem.Problem
	switch {
	case len(w.match) > 0 && !matches(w.match, tag):
		refusal = preconditionFailed("If-Match")
	case matches(w.noneMatch, tag), matches(w.noneMatch, "W/"+tag): // here the strength of a tag does not matter
		refusal = preconditionFailed("If-None-Match")
	case w.revision == nil || newest == nil || *w.revision > *newest:
		return nil
	case *w.revision < *newest:
		refusal = outdated()
	case !holds(&stored.Spec, sent):
		refusal = revisionReused()
	default:
		return nil
	}
	if present {
		refusal.Header = http.Header{}
		nameDocument(refusal.Header, name, newest)
	}
	return refusal
}

// renumbers is true when a wish brings a revision that the stored Contact does not have yet.
func (w *wish) renumbers(stored *v1alpha1.Contact) bool {
	newest := documents.Revision(stored)
	return w.revision != nil && (newest == nil || *w.revision > *newest)
}
