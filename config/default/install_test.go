// Package install_test tests what "kubectl apply -k config/default" puts into a cluster.
package install_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"rollcall.dev/rollcall/internal/testenv"
)

func TestMain(m *testing.M) { testenv.Main(m) }

func TestInstallation(t *testing.T) {
	api, err := client.New(testenv.Config(t), client.Options{})
	must(t, err)
	for _, object := range rendered(t, ".") {
		if object.GetKind() == "CustomResourceDefinition" {
			continue // they are there before any test
		}
		applied := client.ApplyConfigurationFromUnstructured(object)
		if err := api.Apply(t.Context(), applied, client.FieldOwner("installation")); err != nil {
			t.Fatalf("%s %s: %v", object.GetKind(), object.GetName(), err)
		}
	}

	t.Run("who may view sees no personal data", func(t *testing.T) {
		var roles rbacv1.ClusterRoleList
		must(t, api.List(t.Context(), &roles, client.MatchingLabels{"rbac.authorization.k8s.io/aggregate-to-view": "true"}))
		var seen []string
		for _, role := range roles.Items {
			for _, rule := range role.Rules {
				if slices.Contains(rule.APIGroups, "rollcall.dev") {
					seen = append(seen, rule.Resources...)
				}
			}
		}
		if want := []string{"courses", "learningplatforms"}; !slices.Equal(seen, want) {
			t.Errorf("the role view contains %v, want %v", seen, want)
		}
	})

	t.Run("the roles for documents allow what their names say", func(t *testing.T) {
		for name, verbs := range map[string][]string{"rollcall-contact-reader": {"get"}, "rollcall-contact-writer": {"get", "update"}} {
			var role rbacv1.ClusterRole
			must(t, api.Get(t.Context(), client.ObjectKey{Name: name}, &role))
			want := []rbacv1.PolicyRule{{APIGroups: []string{"rollcall.dev"}, Resources: []string{"contacts/document"}, Verbs: verbs}}
			if !reflect.DeepEqual(role.Rules, want) || len(role.Labels) != 1 { // of these, no other role becomes a part
				t.Errorf("%s has the labels %v and the rules %v, want %v", name, role.Labels, role.Rules, want)
			}
		}
	})

	t.Run("a monitoring system gets the metrics and nothing else", func(t *testing.T) {
		var role rbacv1.ClusterRole
		must(t, api.Get(t.Context(), client.ObjectKey{Name: "rollcall-metrics-reader"}, &role))
		if len(role.Rules) != 1 || !slices.Equal(role.Rules[0].NonResourceURLs, []string{"/metrics"}) || !slices.Equal(role.Rules[0].Verbs, []string{"get"}) {
			t.Errorf("rules %v", role.Rules)
		}
	})

	t.Run("a replica that ends refuses no connection", func(t *testing.T) {
		var manager appsv1.Deployment
		must(t, api.Get(t.Context(), client.ObjectKey{Namespace: "rollcall-system", Name: "rollcall-manager"}, &manager))
		pod := manager.Spec.Template.Spec
		lifecycle := pod.Containers[0].Lifecycle
		if lifecycle == nil || lifecycle.PreStop == nil || lifecycle.PreStop.Sleep == nil || lifecycle.PreStop.Sleep.Seconds != 5 {
			t.Fatalf("lifecycle %v, want that it waits for 5 seconds", lifecycle)
		}
		// Rollcall takes up to 30 seconds after that.
		if grace := *pod.TerminationGracePeriodSeconds; grace < 5+30 {
			t.Errorf("it is killed after %d seconds", grace)
		}
	})
}

func TestTheLearnerAPIIsAComponent(t *testing.T) {
	api, err := client.New(testenv.Config(t), client.Options{})
	must(t, err)
	folder := t.TempDir()
	here, err := filepath.Abs(".")
	must(t, err)
	config, err := filepath.Rel(folder, filepath.Dir(here))
	must(t, err)
	must(t, os.WriteFile(filepath.Join(folder, "kustomization.yaml"), []byte("resources: ["+config+"/default]\ncomponents: ["+config+"/learner]\n"), 0o600))
	var service bool
	for _, object := range rendered(t, folder) {
		switch object.GetKind() {
		case "Service":
			service = service || object.GetName() == "rollcall-learner"
		case "Deployment":
			object.SetNamespace(testenv.Namespace(t, testenv.Config(t)))
			must(t, api.Apply(t.Context(), client.ApplyConfigurationFromUnstructured(object), client.FieldOwner("installation")))
			var manager appsv1.Deployment
			must(t, api.Get(t.Context(), client.ObjectKeyFromObject(object), &manager))
			pod := manager.Spec.Template.Spec
			container := pod.Containers[0]
			if !slices.Contains(container.Args, "--learner-bind-address=:8444") || !slices.Contains(container.Args, "--ingest-bind-address=:8443") ||
				len(container.Ports) != 4 || len(container.VolumeMounts) != 2 || len(pod.Volumes) != 2 {
				t.Errorf("the manager is %v", container)
			}
		}
	}
	if !service {
		t.Error("there is no service for learners")
	}
}

// rendered gives the objects of a folder's kustomization.
func rendered(t *testing.T, folder string) (objects []*unstructured.Unstructured) {
	t.Helper()
	assets := os.Getenv("KUBEBUILDER_ASSETS")
	if assets == "" {
		assets = filepath.Join("..", "..", "bin", "k8s")
	}
	output, err := exec.CommandContext(t.Context(), filepath.Join(assets, "kubectl"), "kustomize", folder).Output()
	must(t, err)
	for decoder := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(output), 4096); ; {
		object := &unstructured.Unstructured{}
		switch err := decoder.Decode(object); {
		case errors.Is(err, io.EOF):
			return objects
		case err != nil:
			t.Fatal(err)
		}
		objects = append(objects, object)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
