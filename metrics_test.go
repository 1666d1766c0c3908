package main

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
)

func TestTheDocsListEveryMetric(t *testing.T) {
	descriptions := make(chan *prometheus.Desc)
	go func() {
		defer close(descriptions)
		metrics.Registry.(prometheus.Collector).Describe(descriptions)
	}()
	var registered []string
	for description := range descriptions {
		if name := regexp.MustCompile(`fqName: "(rollcall_\w+)"`).FindStringSubmatch(description.String()); name != nil {
			registered = append(registered, name[1])
		}
	}
	content, err := os.ReadFile("docs/observability.md")
	must(t, err)
	table, alerts, _ := strings.Cut(string(content), "## Alerts")
	var listed []string
	for _, row := range regexp.MustCompile("(?m)^\\| `(rollcall_\\w+)`").FindAllStringSubmatch(table, -1) {
		listed = append(listed, row[1])
	}
	slices.Sort(registered)
	slices.Sort(listed)
	if diff := cmp.Diff(registered, listed); diff != "" {
		t.Errorf("the table (-registered +listed):\n%s", diff)
	}
	for _, used := range regexp.MustCompile(`rollcall_\w+`).FindAllString(alerts, -1) {
		if !slices.Contains(registered, strings.TrimSuffix(used, "_bucket")) {
			t.Errorf("an alert uses %s, which is not there", used)
		}
	}
}
