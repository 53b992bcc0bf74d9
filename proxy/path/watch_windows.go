package path

import (
	"context"
	"unsafe"

	"golang.org/x/sys/windows"
)

// Watch asks Windows for news of its interfaces' addresses. See Network. Where
// it may not, it is silent: knocks find out.
func (Host) Watch(ctx context.Context) <-chan struct{} {
	news := make(chan struct{}, 1)
	tickWakes(ctx, news)
	heard := windows.NewCallback(func(_, _ unsafe.Pointer, _ uint32) uintptr {
		tell(news)
		return 0
	})
	var address, face windows.Handle
	if windows.NotifyUnicastIpAddressChange(windows.AF_UNSPEC, heard, nil, false, &address) == nil {
		context.AfterFunc(ctx, func() { windows.CancelMibChangeNotify2(address) })
	}
	if windows.NotifyIpInterfaceChange(windows.AF_UNSPEC, heard, nil, false, &face) == nil {
		context.AfterFunc(ctx, func() { windows.CancelMibChangeNotify2(face) })
	}
	return news
}
