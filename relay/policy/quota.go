package policy

// Quota bounds what is held at one time. Zero means no bound.
type Quota struct {
	PerUser    int // allocations of one user name (without the expiry); a browser makes one per server URL, interface and connection
	PerAddress int // allocations of one client address: an office behind one NAT is one address
	Total      int // allocations of the whole relay
}

// Usage is what is held now, the request in question not counted.
type Usage struct {
	User, Address, Total int // allocations
}

const (
	UserQuota    Reason = "user_quota"
	AddressQuota Reason = "address_quota"
	TotalQuota   Reason = "total_quota"
)

// Admit says whether one more allocation fits.
func (q Quota) Admit(u Usage) Reason {
	switch {
	case q.PerUser > 0 && u.User >= q.PerUser:
		return UserQuota
	case q.PerAddress > 0 && u.Address >= q.PerAddress:
		return AddressQuota
	case q.Total > 0 && u.Total >= q.Total:
		return TotalQuota
	}
	return Allowed
}

// Bandwidth bounds what is relayed, in bits per second of payload, both directions together. Zero means no bound.
type Bandwidth struct {
	PerAllocation int64
	PerUser       int64 // all allocations of one user name
	PerAddress    int64 // all allocations of one client address
	Total         int64
}
