// Package testenv starts the real API server that tests run on.
package testenv

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
)

// assetsVariable says where the programs are; make sets it.
const assetsVariable = "KUBEBUILDER_ASSETS"

// controlPlaneTimeout is how long the control plane may take to start, and to stop.
const controlPlaneTimeout = 2 * time.Minute

// shared is the API server of one package's tests; it starts when the first test asks for it. A run that only fuzzes, or
// picks tests that need none, starts none.
var shared struct {
	once   sync.Once
	config *rest.Config
	stop   func() error
	err    error
}

// Main is a TestMain: it runs the tests and stops the API server that Config started.
//
//	func TestMain(m *testing.M) { testenv.Main(m) }
func Main(m *testing.M) {
	code := m.Run()
	if shared.stop != nil {
		if err := shared.stop(); err != nil {
			fmt.Fprintln(os.Stderr, "cannot stop the control plane:", err)
			code = max(code, 1)
		}
	}
	os.Exit(code)
}

// Config reaches the API server that all tests of a package share. Their TestMain is Main. The configuration is a
// cluster administrator's.
func Config(t testing.TB) *rest.Config {
	t.Helper()
	shared.once.Do(func() {
		if isFuzzWorker() {
			shared.config, shared.err = ofTheCoordinator()
			return
		}
		shared.config, shared.stop, shared.err = Start()
		if shared.err == nil {
			shared.err = shareWithFuzzWorkers(shared.config)
		}
	})
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	return rest.CopyConfig(shared.config)
}

// Start starts an API server of its own, for a test that stops it or gives it flags, such as "oidc-client-id=rollcall". The
// configuration is a cluster administrator's.
func Start(flags ...string) (config *rest.Config, stop func() error, err error) {
	root, err := ModuleRoot()
	if err != nil {
		return nil, nil, err
	}
	assets, err := Assets()
	if err != nil {
		return nil, nil, err
	}

	environment := &envtest.Environment{
		BinaryAssetsDirectory: assets,
		CRDDirectoryPaths:     []string{filepath.Join(root, "config", "crd", "bases")},
		ErrorIfCRDPathMissing: true,
		// The default, 20 seconds, is too short for a slow machine that does other work.
		ControlPlaneStartTimeout: controlPlaneTimeout,
		ControlPlaneStopTimeout:  controlPlaneTimeout,
	}
	// Nothing here needs the API server's own endpoints, and without them it starts and stops faster.
	arguments := environment.ControlPlane.GetAPIServer().Configure().
		Set("endpoint-reconciler-type", "none").
		Set("advertise-address", "127.0.0.1") // else it looks for a default route
	for _, flag := range flags {
		name, value, _ := strings.Cut(flag, "=")
		arguments.Set(name, value)
	}
	config, err = environment.Start()
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("cannot start the control plane: %w", err), environment.Stop())
	}
	return config, environment.Stop, nil
}

// Assets is the folder of etcd, kube-apiserver and kubectl.
func Assets() (string, error) {
	assets := os.Getenv(assetsVariable)
	if assets == "" {
		root, err := ModuleRoot()
		if err != nil {
			return "", err
		}
		assets = filepath.Join(root, "bin", "k8s")
	}
	for _, program := range []string{"etcd", "kube-apiserver"} {
		if _, err := os.Stat(filepath.Join(assets, program)); err != nil {
			return "", fmt.Errorf("the tests need a control plane: run \"make controlplane\", or set %s: %w", assetsVariable, err)
		}
	}
	return assets, nil
}

// Namespace makes a namespace for one test and gives its name. It stays: no controller is there that could empty it.
func Namespace(t testing.TB, config *rest.Config) string {
	t.Helper()
	clients, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "test-"}}
	namespace, err = clients.CoreV1().Namespaces().Create(context.Background(), namespace, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return namespace.Name
}

// ModuleRoot is where go.mod is: tests run in their package's folder, below it.
func ModuleRoot() (string, error) {
	folder, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for ; folder != filepath.Dir(folder); folder = filepath.Dir(folder) {
		if _, err := os.Stat(filepath.Join(folder, "go.mod")); err == nil {
			return folder, nil
		}
	}
	return "", errors.New("no go.mod found above the working directory")
}
