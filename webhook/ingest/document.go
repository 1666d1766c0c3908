package ingest

import (
	"rollcall.dev/rollcall/api/v1alpha1"
)

// document is what the back office sends and reads back. A nil member is one that was not sent.
type document struct {
	Contact *contact `json:"Contact"`
}

type contact struct {
	ContactID   *string       `json:"ContactID"`
	FirstName   *string       `json:"FirstName"`
	LastName    *string       `json:"LastName"`
	Email       *string       `json:"Email"`
	Enrollments *[]enrollment `json:"Enrollments"`
}

type enrollment struct {
	CourseCode      *string `json:"CourseCode"`
	AccessStartDate *string `json:"AccessStartDate"`
	AccessEndDate   *string `json:"AccessEndDate,omitzero"`
}

// memberOf gives the document's name for a field of Contact.spec.
var memberOf = map[string]string{
	"contactID":       "ContactID",
	"firstName":       "FirstName",
	"lastName":        "LastName",
	"email":           "Email",
	"enrollments":     "Enrollments",
	"courseCode":      "CourseCode",
	"accessStartDate": "AccessStartDate",
	"accessEndDate":   "AccessEndDate",
}

// spec gives the part of Contact.spec that a valid document states.
func (d document) spec() v1alpha1.ContactSpec {
	spec := v1alpha1.ContactSpec{
		ContactID: *d.Contact.ContactID,
		FirstName: *d.Contact.FirstName,
		LastName:  *d.Contact.LastName,
		Email:     *d.Contact.Email,
	}
	for _, sent := range *d.Contact.Enrollments {
		access := v1alpha1.CourseAccess{
			CourseCode:      *sent.CourseCode,
			AccessStartDate: v1alpha1.Date(*sent.AccessStartDate),
		}
		if sent.AccessEndDate != nil {
			access.AccessEndDate = v1alpha1.Date(*sent.AccessEndDate)
		}
		spec.Enrollments = append(spec.Enrollments, access)
	}
	return spec
}

// documentOf gives back the document that a Contact holds.
func documentOf(spec *v1alpha1.ContactSpec) document {
	enrollments := make([]enrollment, 0, len(spec.Enrollments))
	for _, access := range spec.Enrollments {
		sent := enrollment{
			CourseCode:      &access.CourseCode,
			AccessStartDate: (*string)(&access.AccessStartDate),
		}
		if access.AccessEndDate != "" {
			sent.AccessEndDate = (*string)(&access.AccessEndDate)
		}
		enrollments = append(enrollments, sent)
	}
	return document{Contact: &contact{
		ContactID:   &spec.ContactID,
		FirstName:   &spec.FirstName,
		LastName:    &spec.LastName,
		Email:       &spec.Email,
		Enrollments: &enrollments,
	}}
}
