package ingest

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/oapi-codegen/runtime/types"

	"rollcall.dev/rollcall/internal/testclient"
)

// A client that a generator made of the description, as an integrator would, talks to the door.
func TestAGeneratedClientWorks(t *testing.T) {
	d := open(t)
	d.course("1234A")
	client, err := testclient.NewClientWithResponses("https://"+d.Addr().String()+defaultPathPrefix,
		testclient.WithHTTPClient(insecure),
		testclient.WithRequestEditorFn(func(_ context.Context, r *http.Request) error {
			r.Header.Set("Authorization", "Bearer "+d.token)
			return nil
		}))
	must(t, err)
	put := func(document testclient.Document, params testclient.PutDocumentParams) *testclient.PutDocumentResponse {
		t.Helper()
		a, err := client.PutDocumentWithResponse(t.Context(), document.Contact.ContactID, &params, document)
		must(t, err)
		return a
	}
	first := testclient.Document{Contact: testclient.Contact{
		ContactID: "000123", FirstName: "Joe", LastName: "Smith", Email: "joe.smith@acme.com",
		Enrollments: []testclient.Enrollment{{
			CourseCode:      "1234A",
			AccessStartDate: types.Date{Time: time.Date(2017, 10, 1, 0, 0, 0, 0, time.UTC)},
			AccessEndDate:   &types.Date{Time: time.Date(2018, 9, 30, 0, 0, 0, 0, time.UTC)},
		}},
	}}

	created := put(first, testclient.PutDocumentParams{DocumentRevision: new(int64(7))})
	if created.JSON201 == nil || created.JSON201.Result != testclient.Created || *created.Headers201.DocumentRevision != 7 {
		t.Fatalf("a new document: %s %s", created.Status(), created.Body)
	}
	if a := put(first, testclient.PutDocumentParams{}); a.JSON200 == nil || a.JSON200.Result != testclient.Unchanged || *a.Headers200.ETag != *created.Headers201.ETag {
		t.Errorf("the same document: %s %s", a.Status(), a.Body)
	}

	// What was read is changed, and written if nobody else has written meanwhile.
	read, err := client.GetDocumentWithResponse(t.Context(), "000123", nil)
	must(t, err)
	if read.JSON200 == nil || read.JSON200.Contact.Enrollments[0] != first.Contact.Enrollments[0] && !read.JSON200.Contact.Enrollments[0].AccessEndDate.Equal(first.Contact.Enrollments[0].AccessEndDate.Time) {
		t.Fatalf("GET: %s %s", read.Status(), read.Body)
	}
	second := testclient.Document{Contact: read.JSON200.Contact}
	second.Contact.Enrollments[0].AccessEndDate = nil
	dryRun := put(second, testclient.PutDocumentParams{DryRun: new(testclient.PutDocumentParamsDryRunAll)})
	if dryRun.JSON200 == nil || dryRun.JSON200.Plan.Changes[0].Change != testclient.ChangeChangeDropped {
		t.Errorf("a dry run: %s %s", dryRun.Status(), dryRun.Body)
	}
	guarded := testclient.PutDocumentParams{IfMatch: read.Headers200.ETag}
	if a := put(second, guarded); a.JSON200 == nil || a.JSON200.Result != testclient.Replaced {
		t.Errorf("a change of what was read: %s %s", a.Status(), a.Body)
	}
	if a := put(first, guarded); a.ApplicationproblemJSON412 == nil || a.ApplicationproblemJSON412.Type != testclient.PreconditionFailedTypeProblemspreconditionFailed {
		t.Errorf("a change of what was there before: %s %s", a.Status(), a.Body)
	}
	if a := put(first, testclient.PutDocumentParams{DocumentRevision: new(int64(6))}); a.ApplicationproblemJSON412 == nil || *a.Headers412.DocumentRevision != 7 {
		t.Errorf("a change that was overtaken: %s %s", a.Status(), a.Body)
	}

	unknown := second
	unknown.Contact.Enrollments = []testclient.Enrollment{{CourseCode: "9999Z", AccessStartDate: types.Date{Time: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}}}
	if a := put(unknown, testclient.PutDocumentParams{}); a.ApplicationproblemJSON409 == nil || a.ApplicationproblemJSON409.Errors[0].Reason != testclient.CourseNotFound {
		t.Errorf("a course that does not exist: %s %s", a.Status(), a.Body)
	}
	wrong := first
	wrong.Contact.FirstName = "<Joe>"
	if a := put(wrong, testclient.PutDocumentParams{}); a.ApplicationproblemJSON403 == nil || a.ApplicationproblemJSON403.Errors == nil {
		t.Errorf("a name that cannot be: %s %s", a.Status(), a.Body)
	} else if e := (*a.ApplicationproblemJSON403.Errors)[0]; e.Pointer != "/Contact/FirstName" || e.Reason != testclient.Malformed {
		t.Errorf("a name that cannot be: %+v", e)
	}

	// Many at once: the generator leaves the lines to the caller, and has types for them.
	body, err := json.Marshal(testclient.BulkLine{Contact: second.Contact, DocumentRevision: new(int64(8))})
	must(t, err)
	bulk, err := client.PostDocumentsWithBodyWithResponse(t.Context(), nil, "application/x-ndjson", bytes.NewReader(append(body, "\n{}\n"...)))
	must(t, err)
	var answers []testclient.BulkAnswer
	for line := range bytes.Lines(bulk.Body) {
		var a testclient.BulkAnswer
		must(t, json.Unmarshal(line, &a))
		answers = append(answers, a)
	}
	if len(answers) != 2 || answers[0].Status != http.StatusOK || *answers[0].ContactID != "000123" || *answers[1].Type != testclient.ProblemTypeProblemsattributeInvalid {
		t.Errorf("bulk: %s %s", bulk.Status(), bulk.Body)
	}
}
