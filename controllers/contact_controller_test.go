package controllers

import (
	"encoding/json"
	"testing"

	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"rollcall.dev/rollcall/api/v1alpha1"
)

func TestTheDocumentsStatusIsTheSameAfterItWasStored(t *testing.T) {
	contact := &v1alpha1.Contact{
		ObjectMeta: metav1.ObjectMeta{Annotations: map[string]string{
			v1alpha1.DocumentReceivedAnnotation: "2026-11-24T23:32:06.041592794Z",
			v1alpha1.DocumentSourceAnnotation:   "system:serviceaccount:default:back-office",
		}},
		Spec: v1alpha1.ContactSpec{ContactID: "000123"},
	}
	status := documentStatus(contact)
	encoded, err := json.Marshal(status)
	if err != nil {
		t.Fatal(err)
	}
	var stored v1alpha1.DocumentStatus
	if err := json.Unmarshal(encoded, &stored); err != nil {
		t.Fatal(err)
	}
	if !equality.Semantic.DeepEqual(status, stored) {
		t.Errorf("%+v was stored as %+v: every visit would write it again", status, stored)
	}
}
