package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
)

// The programs of the control plane.
const (
	etcd              = "etcd"
	apiServer         = "kube-apiserver"
	controllerManager = "kube-controller-manager"
	kubectl           = "kubectl"
)

// startTimeout is how long a program may take to answer, on a slow machine that does other work.
const startTimeout = 2 * time.Minute

// demo is what its steps share.
type demo struct {
	directory string
	programs  string // the folder of rollcall and sandbox
	fail      context.CancelCauseFunc
	cleanups  []func()

	plane       *envtest.Environment
	config      *rest.Config
	environment environment
	learnerAPI  string // its address
}

// newDemo checks that everything needed is there and takes the folder over from an earlier run.
func newDemo(directory string, fail context.CancelCauseFunc) (*demo, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	directory, err = filepath.Abs(directory)
	if err != nil {
		return nil, err
	}
	d := &demo{directory: directory, programs: filepath.Dir(self), fail: fail}

	needed := []string{filepath.Join(d.programs, "rollcall"), filepath.Join(d.programs, "sandbox")}
	for _, program := range []string{etcd, apiServer, controllerManager, kubectl} {
		needed = append(needed, filepath.Join(assets(), program))
	}
	for _, program := range needed {
		if _, err := exec.LookPath(program); err != nil {
			return nil, fmt.Errorf("the demo needs %s: %w", program, err)
		}
	}

	if err := d.lock(); err != nil {
		return nil, err
	}
	if err := os.RemoveAll(directory); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(directory, 0o700); err != nil {
		return nil, err
	}
	return d, nil
}

// lock makes sure that no other demo uses the folder. The kernel gives the lock up when the demo ends.
func (d *demo) lock() error {
	if err := os.MkdirAll(filepath.Dir(d.directory), 0o755); err != nil { //nolint:gosec // a folder like any other
		return err
	}
	file, err := os.OpenFile(d.directory+".lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return errors.Join(fmt.Errorf("another demo is running in %s", d.directory), file.Close())
	}
	d.onStop(func() { _ = file.Close() })
	return nil
}

// onStop registers what has to be done when the demo ends.
func (d *demo) onStop(cleanup func()) { d.cleanups = append(d.cleanups, cleanup) }

// stop undoes everything, the last thing first.
func (d *demo) stop() {
	for _, cleanup := range slices.Backward(d.cleanups) {
		cleanup()
	}
}

func (d *demo) path(name string) string { return filepath.Join(d.directory, name) }

func (d *demo) logOf(program string) string { return d.path(program + ".log") }

// assets is the folder of the control plane's programs.
func assets() string {
	if folder := os.Getenv("KUBEBUILDER_ASSETS"); folder != "" {
		return folder
	}
	folder, _ := filepath.Abs("bin/k8s")
	return folder
}

// show shows a command as a person would type it, runs it, and shows and returns what it printed.
func (d *demo) show(ctx context.Context, line string) (string, error) {
	fmt.Printf("$ %s\n", line)
	output, err := d.run(ctx, line)
	fmt.Println(strings.TrimSpace(output))
	return output, err
}

// run runs a command line as a person would who has read the file env.
func (d *demo) run(ctx context.Context, line string) (string, error) {
	cmd := exec.CommandContext(ctx, "sh", "-c", line)
	cmd.Env = d.environment.environ()
	cmd.Stderr = os.Stderr
	output, err := cmd.Output()
	if err != nil {
		err = fmt.Errorf("%s: %w", line, err)
	}
	return string(output), err
}

// freeAddress finds a free port on loopback; the preferred one, if it is free.
func freeAddress(ctx context.Context, preferred int) (string, error) {
	var listen net.ListenConfig
	for _, port := range []int{preferred, 0} {
		listener, err := listen.Listen(ctx, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err == nil {
			return listener.Addr().String(), listener.Close()
		}
	}
	return "", errors.New("no free port on loopback")
}

// waitForAnswer waits until a child that was just started answers at a URL without a server error.
func waitForAnswer(ctx context.Context, url string) error {
	err := wait.PollUntilContextTimeout(ctx, 50*time.Millisecond, startTimeout, true, func(ctx context.Context) (bool, error) {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return false, err
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			return false, nil //nolint:nilerr // not yet
		}
		return response.StatusCode < http.StatusInternalServerError, response.Body.Close()
	})
	if err != nil {
		return fmt.Errorf("%s does not answer: %w", url, err)
	}
	return nil
}
