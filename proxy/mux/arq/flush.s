// Allows a function without a body: see flush.go.
