package v1alpha1

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/kubernetes"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"rollcall.dev/rollcall/internal/testenv"
)

// What `kubectl get` prints: the columns after "|" only with `-o wide`.
func TestColumns(t *testing.T) {
	c := newCluster(t)
	clients, err := kubernetes.NewForConfig(testenv.Config(t))
	must(t, err)
	for resource, test := range map[string]struct {
		object client.Object
		want   string
	}{
		"learningplatforms": {platform(), "Name URL Accounts Enrollments Held Ready State Age | Message"},
		"courses":           {course(), "Name Course Key Mode Ready State Age | Title Last-Sync Message"},
		"contacts":          {contact(), "Name Contact Last-Name Learner Enrolled Ready State Age | Attempts Last-Sync Message"},
		"enrollments":       {enrollment(), "Name Contact Course Access Enrolled Mode Ready State Age | Start End Attempts Last-Sync Message"},
		"coursementors":     {mentor(), "Name Course Mentor Ready State Age | Message"},
		"learnermessages":   {message(), "Name Contact Recipient To Ready State Attempts Age | Course Delivered Message"},
	} {
		t.Run(resource, func(t *testing.T) {
			must(t, c.Create(context.Background(), test.object))
			answer, err := clients.RESTClient().Get().
				AbsPath("/apis/rollcall.dev/v1alpha1/namespaces", test.object.GetNamespace(), resource).
				SetHeader("Accept", "application/json;as=Table;v=v1;g=meta.k8s.io").DoRaw(context.Background())
			must(t, err)
			var table metav1.Table
			must(t, json.Unmarshal(answer, &table))
			var usual, wide []string
			for _, column := range table.ColumnDefinitions {
				name := strings.ReplaceAll(column.Name, " ", "-")
				if column.Priority == 0 {
					usual = append(usual, name)
				} else {
					wide = append(wide, name)
				}
			}
			if diff := cmp.Diff(test.want, strings.Join(usual, " ")+" | "+strings.Join(wide, " ")); diff != "" {
				t.Errorf("columns (-want +got):\n%s", diff)
			}
			if len(table.Rows) != 1 {
				t.Fatalf("%d rows", len(table.Rows))
			}
			for i, cell := range table.Rows[0].Cells {
				if text, _ := cell.(string); strings.Contains(text, "@") {
					t.Errorf("column %s shows an e-mail address", table.ColumnDefinitions[i].Name)
				}
			}
		})
	}
}

func TestFieldsToSelectBy(t *testing.T) {
	c := newCluster(t)
	ctx := context.Background()
	second := PlatformReference{Name: "second"}
	jane := contact()
	jane.Name, jane.Spec.ContactID, jane.Spec.PlatformRef = "000124", "000124", second
	another := course()
	another.Name, another.Spec.CourseCode, another.Spec.CourseKey = "1235a", "1235A", "course-v1:GK+1235A+2017"
	of124 := enrollment()
	of124.Name, of124.Spec.ContactRef.Name, of124.Spec.CourseCode = "000124-1235a", "000124", "1235A"
	other := mentor()
	other.Name, other.Spec.CourseCode = "1235a", "1235A"
	for _, object := range []client.Object{contact(), jane, course(), another, enrollment(), of124, mentor(), other} {
		must(t, c.Create(ctx, object))
	}
	jane.Status.Learner = LearnerStatus{Username: "jane", ProvisionedBy: ProvisionedByAdoption}
	must(t, c.Status().Update(ctx, jane))

	for _, test := range []struct {
		list         client.ObjectList
		field, value string
		want         string
	}{
		{&ContactList{}, "spec.contactID", "000123", "000123"},
		{&ContactList{}, "spec.platformRef.name", "second", "000124"},
		{&ContactList{}, "status.learner.username", "jane", "000124"},
		{&CourseList{}, "spec.courseCode", "1235A", "1235a"},
		{&CourseList{}, "spec.courseKey", "course-v1:GK+1234A+2017", "1234a"},
		{&EnrollmentList{}, "spec.contactRef.name", "000124", "000124-1235a"},
		{&EnrollmentList{}, "spec.courseCode", "1234A", "000123-1234a"},
		{&CourseMentorList{}, "spec.courseCode", "1235A", "1235a"},
	} {
		must(t, c.List(ctx, test.list, client.MatchingFields{test.field: test.value}))
		var names []string
		must(t, meta.EachListItem(test.list, func(item runtime.Object) error {
			names = append(names, item.(client.Object).GetName())
			return nil
		}))
		if diff := cmp.Diff([]string{test.want}, names); diff != "" {
			t.Errorf("%T by %s=%s (-want +got):\n%s", test.list, test.field, test.value, diff)
		}
	}
}

func TestNamesForTheCommandLine(t *testing.T) {
	clients, err := kubernetes.NewForConfig(testenv.Config(t))
	must(t, err)
	resources, err := clients.Discovery().ServerResourcesForGroupVersion(GroupVersion.String())
	must(t, err)
	got := map[string][]string{}
	for _, resource := range resources.APIResources {
		if strings.Contains(resource.Name, "/") {
			continue
		}
		got[resource.Name] = resource.ShortNames
		if !slices.Equal(resource.Categories, []string{"rollcall"}) || !resource.Namespaced {
			t.Errorf("%s: categories %v, namespaced %v", resource.Name, resource.Categories, resource.Namespaced)
		}
	}
	want := map[string][]string{
		"contacts": {"ct"}, "enrollments": {"enr"}, "courses": {"crs"}, "coursementors": {"mentor"}, "learnermessages": {"lmsg"}, "learningplatforms": {"lp"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("short names (-want +got):\n%s", diff)
	}
}

func TestTheSamplesAreValid(t *testing.T) {
	c := newCluster(t)
	files, err := filepath.Glob("../../config/samples/*.yaml")
	must(t, err)
	kinds := map[string]int{}
	for _, file := range files {
		if filepath.Base(file) == "kustomization.yaml" {
			continue
		}
		content, err := os.Open(file)
		must(t, err)
		defer func() { _ = content.Close() }()
		for decoder := yaml.NewYAMLOrJSONDecoder(content, 4096); ; {
			object := &unstructured.Unstructured{}
			if err := decoder.Decode(object); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			kinds[object.GetKind()]++
			if err := c.Create(context.Background(), object); err != nil {
				t.Errorf("%s: %v", file, err)
			}
		}
	}
	want := map[string]int{"LearningPlatform": 1, "Secret": 1, "Course": 12, "CourseMentor": 2}
	if diff := cmp.Diff(want, kinds); diff != "" {
		t.Errorf("samples (-want +got):\n%s", diff)
	}
}
