package server

func offer(args []string) int { return 1 }
func relay(args []string) int { return 1 }
