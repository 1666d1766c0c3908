package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"k8s.io/client-go/discovery"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"rollcall.dev/rollcall/internal/testenv/child"
)

// The service account that Rollcall runs as; config/rbac says what it may do.
const serviceAccount = "system:serviceaccount:rollcall-system:rollcall-manager"

// startControlPlane brings up Kubernetes with Rollcall's kinds, as far as Rollcall needs it: there are no nodes.
func (d *demo) startControlPlane(ctx context.Context) error {
	plane, err := d.newControlPlane()
	if err != nil {
		return err
	}
	d.onStop(func() {
		if err := plane.Stop(); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
	})
	config, err := plane.Start()
	if err != nil {
		return fmt.Errorf("%w; see %s", err, d.path("*.log"))
	}
	d.plane, d.config = plane, config
	if err := d.watchAPIServer(ctx); err != nil {
		return err
	}

	kubeconfig := d.path("kubeconfig")
	if err := os.WriteFile(kubeconfig, plane.KubeConfig, 0o600); err != nil {
		return err
	}
	d.environment.set("KUBECONFIG", kubeconfig)
	d.environment.set("PATH", assets())

	return d.startChild(assets()+"/"+controllerManager,
		"--kubeconfig="+kubeconfig,
		"--leader-elect=false",
		"--secure-port=0",
		// The ones that objects of ours meet; the others look after workloads.
		"--controllers="+strings.Join([]string{
			"garbage-collector-controller", "namespace-controller", "serviceaccount-controller",
			"clusterrole-aggregation-controller",
		}, ","))
}

func (d *demo) newControlPlane() (*envtest.Environment, error) {
	plane := &envtest.Environment{
		CRDDirectoryPaths:        []string{"config/crd/bases"},
		ErrorIfCRDPathMissing:    true,
		ControlPlaneStartTimeout: startTimeout,
	}
	server, store := plane.ControlPlane.GetAPIServer(), &envtest.Etcd{DataDir: d.path("etcd-data")}
	plane.ControlPlane.Etcd = store

	// Without this, starting and stopping waits for the endpoints of a Service that nobody uses.
	server.Configure().Set("endpoint-reconciler-type", "none").
		Set("advertise-address", "127.0.0.1") // else it looks for a default route, and there is none without a network
	server.CertDir = d.path("apiserver")
	if err := os.Mkdir(server.CertDir, 0o700); err != nil {
		return nil, err
	}

	var err error
	if server.Path, err = d.linkTo(apiServer); err != nil {
		return nil, err
	}
	if store.Path, err = d.linkTo(etcd); err != nil {
		return nil, err
	}
	serverLog, err := os.Create(d.logOf(apiServer))
	if err != nil {
		return nil, err
	}
	storeLog, err := os.Create(d.logOf(etcd))
	if err != nil {
		return nil, err
	}
	server.Out, server.Err, store.Out, store.Err = serverLog, serverLog, storeLog, storeLog
	return plane, nil
}

// watchAPIServer ends the demo when the API server, or etcd behind it, is gone: envtest does not tell.
func (d *demo) watchAPIServer(ctx context.Context) error {
	client, err := discovery.NewDiscoveryClientForConfig(d.config)
	if err != nil {
		return err
	}
	livez := client.RESTClient().Get().AbsPath("/livez").Timeout(5 * time.Second)
	go func() {
		for failures := 0; ; {
			select {
			case <-ctx.Done():
				return
			case <-time.After(2 * time.Second):
			}
			if livez.Do(ctx).Error() == nil {
				failures = 0
			} else if failures++; failures == 3 {
				d.fail(&child.DeathError{
					Program: apiServer,
					Reason:  "is not alive any more, or etcd behind it is not",
					Log:     d.logOf(apiServer),
				})
			}
		}
	}()
	return nil
}

// rollcallKubeconfig writes a kubeconfig with which Rollcall is what it is in a cluster: a service account with the
// permissions of config/rbac, and no more.
func (d *demo) rollcallKubeconfig() (string, error) {
	user, err := d.plane.AddUser(envtest.User{
		Name:   serviceAccount,
		Groups: []string{"system:serviceaccounts", "system:serviceaccounts:rollcall-system"},
	}, nil)
	if err != nil {
		return "", err
	}
	content, err := user.KubeConfig()
	if err != nil {
		return "", err
	}
	path := d.path("rollcall.kubeconfig")
	return path, os.WriteFile(path, content, 0o600)
}
