package testenv

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"

	"k8s.io/client-go/rest"
)

// coordinatorVariable tells the workers of "go test -fuzz" how to reach the API server of the process that started them. A
// worker is ended without notice, and what it had started itself would stay behind.
const coordinatorVariable = "ROLLCALL_FUZZ_API_SERVER"

func isFuzzWorker() bool {
	worker := flag.Lookup("test.fuzzworker")
	return worker != nil && worker.Value.String() == "true"
}

// reach is what it takes to reach an API server.
type reach struct {
	Host string
	TLS  rest.TLSClientConfig
}

func shareWithFuzzWorkers(config *rest.Config) error {
	encoded, err := json.Marshal(reach{config.Host, config.TLSClientConfig})
	if err != nil {
		return fmt.Errorf("cannot share the API server: %w", err)
	}
	return os.Setenv(coordinatorVariable, string(encoded))
}

func ofTheCoordinator() (*rest.Config, error) {
	var shared reach
	if err := json.Unmarshal([]byte(os.Getenv(coordinatorVariable)), &shared); err != nil {
		return nil, fmt.Errorf("cannot reach the API server of the fuzzing process: %w", err)
	}
	return &rest.Config{Host: shared.Host, TLSClientConfig: shared.TLS, QPS: -1}, nil
}
