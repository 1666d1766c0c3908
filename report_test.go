package main

import (
	"bytes"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"rollcall.dev/rollcall/api/v1alpha1"
)

// report runs the program's command as a person who has the cluster's kubeconfig.
func (c *company) report(arguments ...string) (string, error) {
	c.t.Helper()
	var output bytes.Buffer
	command := reportCommand()
	command.SetOut(&output)
	command.SetArgs(append([]string{"--kubeconfig", kubeconfigFor(c.t, c.config, c.namespace)}, arguments...))
	err := command.ExecuteContext(c.t.Context())
	return output.String(), err
}

func kubeconfigFor(t *testing.T, config *rest.Config, namespace string) string {
	t.Helper()
	kubeconfig := clientcmdapi.NewConfig()
	kubeconfig.Clusters["test"] = &clientcmdapi.Cluster{Server: config.Host, CertificateAuthorityData: config.CAData}
	kubeconfig.AuthInfos["test"] = &clientcmdapi.AuthInfo{ClientCertificateData: config.CertData, ClientKeyData: config.KeyData, Token: config.BearerToken}
	kubeconfig.Contexts["test"] = &clientcmdapi.Context{Cluster: "test", AuthInfo: "test", Namespace: namespace}
	kubeconfig.CurrentContext = "test"
	path := filepath.Join(t.TempDir(), "kubeconfig")
	must(t, clientcmd.WriteToFile(*kubeconfig, path))
	return path
}

// fields gives the lines of a text, with one space where there are several.
func fields(text string) string {
	var lines []string
	for line := range strings.Lines(text) {
		lines = append(lines, strings.Join(strings.Fields(line), " "))
	}
	return strings.Join(lines, "\n")
}

func TestTheReportTellsWhatTheLastSweepsFound(t *testing.T) {
	t.Parallel()
	c := newCompany(t, "1234A", "1235A")
	change(c, c.defaultPlatform(), func(p *v1alpha1.LearningPlatform) { p.Spec.DriftPolicy = v1alpha1.DriftPolicyReport })
	for _, id := range []string{"lost", "kept"} {
		c.mustPut(joe(id, "1234A"), http.StatusCreated)
	}
	for _, id := range []string{"lost", "kept"} {
		c.waitForContact(id, v1alpha1.ReasonSynced)
	}
	c.lms.Unenroll(c.username("lost"), courseKey("1234A"))
	c.sweepCourse("1234A")
	c.sweepAccounts()

	table, err := c.report()
	must(t, err)
	for _, want := range []string{
		c.namespace + " default 1234A 2 2 1 0 0 0 1 ", // mlopez is a stranger
		c.namespace + " default 1235A – – – – – – – never",
		c.namespace + " default 2 0 0 0 ",
	} {
		if !strings.Contains(fields(table), want) {
			t.Errorf("the table has no %q:\n%s", want, table)
		}
	}
	list, err := c.report("--all-namespaces", "-o", "csv")
	must(t, err)
	if want := c.namespace + ",default,1234A,missing,1,"; !strings.Contains(list, want) {
		t.Errorf("the list has no %q:\n%s", want, list)
	}
	if _, err := c.report("-o", "pdf"); err == nil || !strings.Contains(err.Error(), "csv, html, table") {
		t.Errorf("of an unknown format it says %v", err)
	}

	c.requestCheck(c.defaultPlatform())
	c.eventually("the metric has the same", func() error {
		for kind, want := range map[string]float64{"missing": 1, "stranger": 1, "unsold": 0, "account_missing": 0} {
			if got := c.driftMetric(kind); got != want {
				return fmt.Errorf("%s is %v, want %v", kind, got, want)
			}
		}
		return nil
	})
}

// driftMetric gives the present differences of a kind on the default platform; -1 for none.
func (c *company) driftMetric(kind string) float64 {
	c.t.Helper()
	families, err := metrics.Registry.Gather()
	must(c.t, err)
	for _, family := range families {
		if family.GetName() != "rollcall_drift_differences" {
			continue
		}
		for _, metric := range family.GetMetric() {
			labels := map[string]string{}
			for _, label := range metric.GetLabel() {
				labels[label.GetName()] = label.GetValue()
			}
			if labels["platform"] == c.namespace+"/default" && labels["kind"] == kind {
				return metric.GetGauge().GetValue()
			}
		}
	}
	return -1
}
