package ingest

import (
	"net/http"

	"rollcall.dev/rollcall/webhook/problem"
)

// maxErrors is how many errors one answer lists.
const maxErrors = 100

// invalid says that a document is wrong by itself.
func invalid(errors ...problem.Error) *problem.Problem {
	return &problem.Problem{
		Type: "/problems/attribute-invalid", Title: "An attribute of the document is wrong", Status: http.StatusForbidden,
		Detail: "Nothing was stored. Correct the attributes that are listed and send the document again.",
		Errors: errors[:min(len(errors), maxErrors)],
	}
}

// managedElsewhere says that a contact is not the back office's to change: it was put on another platform.
func managedElsewhere(platform string) *problem.Problem {
	return &problem.Problem{
		Type: "/problems/managed-elsewhere", Title: "The contact is managed elsewhere", Status: http.StatusForbidden,
		Detail: "This contact belongs to the LearningPlatform " + platform + ", which does not take documents through this " +
			"door. Nothing was stored.",
	}
}

// preconditionFailed says that the stored document is not the one that the header of the request asks for.
func preconditionFailed(header string) *problem.Problem {
	return &problem.Problem{
		Type: "/problems/precondition-failed", Title: "The stored document is another one", Status: http.StatusPreconditionFailed,
		Detail: "Nothing was stored. The ETag of this answer, if it has one, names the document that is stored now.",
		Errors: []problem.Error{{Header: header, Reason: problem.ReasonInconsistent, Detail: "The stored document does not meet this."}},
	}
}

// outdated says that a document was overtaken by one with a higher revision.
func outdated() *problem.Problem {
	return &problem.Problem{
		Type: "/problems/revision-outdated", Title: "A newer document is stored", Status: http.StatusPreconditionFailed,
		Detail: "Nothing was stored. A document of this contact with a higher revision came before; the header " +
			"Document-Revision tells its number.",
		Errors: []problem.Error{{Header: revisionHeader, Reason: problem.ReasonInconsistent, Detail: "This is lower than the stored revision."}},
	}
}

// revisionReused says that something else is stored, though no higher revision came.
func revisionReused() *problem.Problem {
	return &problem.Problem{
		Type: "/problems/revision-reused", Title: "This revision is taken", Status: http.StatusConflict,
		Detail: "Nothing was stored. This is the highest revision that came for the contact, but what is stored has other content: " +
			"two documents came with this revision, or a document without one, or a person's change, came after it. Send what " +
			"is right with a higher revision.",
		Errors: []problem.Error{{Header: revisionHeader, Reason: problem.ReasonDuplicate, Detail: "The stored document has other content."}},
	}
}

// conflicting says that a document is stored, and which part of it cannot be carried out yet.
func conflicting(t taken) *problem.Problem {
	stored := &problem.Problem{
		Type: "/problems/conflict", Title: "Stored, but part of the document conflicts", Status: http.StatusConflict,
		Detail: "The document is stored. The parts that are listed wait until the cause of their conflict goes away, and " +
			"are then carried out without another request; the others are carried out now.",
		Errors: t.conflicts[:min(len(t.conflicts), maxErrors)],
	}
	if t.Plan != nil {
		stored.Detail = "This was a dry run: nothing was stored. The document would be stored, and the parts that are listed would wait " +
			"until the cause of their conflict goes away."
		stored.Extensions = map[string]any{"Plan": t.Plan}
	}
	return stored
}
