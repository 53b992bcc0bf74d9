package client

import "context"

func (v *invocation) doctor(ctx context.Context) int { return 1 }
