package ingest

import "rollcall.dev/rollcall/webhook/middleware"

var requests = middleware.NewMetrics("ingest")
