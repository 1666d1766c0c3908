package main

import (
	"context"
	"path/filepath"
	"strings"
)

// admitBackOffice makes the identity that sends documents: a service account that may do nothing else.
func (d *demo) admitBackOffice(ctx context.Context) error {
	for _, line := range []string{
		"kubectl create serviceaccount back-office",
		"kubectl create rolebinding back-office --clusterrole rollcall-contact-writer --serviceaccount default:back-office",
	} {
		if _, err := d.show(ctx, line); err != nil {
			return err
		}
	}
	token, err := d.run(ctx, "kubectl create token back-office --duration 24h")
	if err != nil {
		return err
	}
	d.environment.set("ROLLCALL_TOKEN", strings.TrimSpace(token))
	return nil
}

// certificates is the folder of those of Rollcall's doors.
func (d *demo) certificates() string { return d.path("tls") }

// startRollcall starts the operator as in a cluster: with its own permissions, and with TLS on its doors.
func (d *demo) startRollcall(ctx context.Context) error {
	kubeconfig, err := d.rollcallKubeconfig()
	if err != nil {
		return err
	}
	ingest, err := freeAddress(ctx, 8443)
	if err != nil {
		return err
	}
	probes, err := freeAddress(ctx, 8081)
	if err != nil {
		return err
	}
	if err := d.startChild(filepath.Join(d.programs, "rollcall"),
		"--kubeconfig="+kubeconfig,
		"--leader-elect=false",
		"--ingest-bind-address="+ingest,
		"--ingest-cert-dir="+d.certificates(),
		"--ingest-namespace=default",
		"--learner-bind-address="+d.learnerAPI,
		"--learner-cert-dir="+d.certificates(),
		"--health-probe-bind-address="+probes,
		"--metrics-bind-address=0",
	); err != nil {
		return err
	}
	d.environment.set("ROLLCALL_INGEST_URL", "https://"+ingest)
	d.environment.set("ROLLCALL_CA", filepath.Join(d.certificates(), "ca.crt"))
	return waitForAnswer(ctx, "http://"+probes+"/readyz")
}
