package access

import "time"

// WaitForRedis has requests wait longer to be counted: a busy machine's Redis answers late, too.
func (d *Door) WaitForRedis(within time.Duration) { d.rates.within = within }
