package redis

import "github.com/redis/go-redis/v9"

// The scripts answer with a word when they refuse: GONE, CONFLICT, … (coded by refused), and otherwise with a list or a number. Their keys of a room are
// always room, log, refs, snap, rooms, in this order. Numbers of records are below 2^53, which Lua's float64 counts exactly; %.0f
// writes them without an exponent.

// room looks at the room and refuses another epoch; every script on a room begins with it.
const room = `
local room, log, refs, snap, rooms = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local function num(n) return string.format('%.0f', n) end
local function now() local t = redis.call('TIME'); return num(t[1] * 1000000 + t[2]) end
local function field(name) return tonumber(redis.call('HGET', room, name)) end
local function grown(id, last) redis.call('PUBLISH', ARGV[#ARGV], num(last) .. ' ' .. id) end
`

const inEpoch = room + `
if redis.call('HGET', room, 'epoch') ~= ARGV[1] then return 'GONE' end
`

var (
	// openScript: ID, new epoch.
	openScript = redis.NewScript(room + `
local t = now()
if redis.call('EXISTS', room) == 0 then
	redis.call('HSET', room, 'epoch', ARGV[2], 'first', 1, 'last', 0, 'bytes', 0, 'snapshot_seq', 0, 'created', t)
	redis.call('ZADD', rooms, 0, ARGV[1])
end
redis.call('HSET', room, 'touched', t)
return {redis.call('HGETALL', room), redis.call('GET', snap)}`)

	// findScript: nothing.
	findScript = redis.NewScript(room + `
if redis.call('EXISTS', room) == 0 then return 'GONE' end
return {redis.call('HGETALL', room), redis.call('GET', snap)}`)

	// appendScript: epoch, ID, after, bytes, then number, time, kind, ref and data of each record, channel.
	appendScript = redis.NewScript(inEpoch + `
local after = tonumber(ARGV[3])
if field('last') ~= after then return 'CONFLICT' end
for i = 5, #ARGV - 1, 5 do
	redis.call('XADD', log, ARGV[i] .. '-0', 'at', ARGV[i+1], 'kind', ARGV[i+2], 'ref', ARGV[i+3], 'data', ARGV[i+4])
	if ARGV[i+3] ~= '0' then redis.call('ZADD', refs, ARGV[i+3], ARGV[i]) end
end
local last = after + (#ARGV - 5) / 5
redis.call('HSET', room, 'last', num(last), 'touched', now())
redis.call('HINCRBY', room, 'bytes', ARGV[4])
grown(ARGV[2], last)
return 1`)

	// readScript: epoch, after, limit. The bounds are seen at the same moment.
	readScript = redis.NewScript(inEpoch + `
return {field('first'), field('last'), redis.call('XRANGE', log, '(' .. ARGV[2] .. '-0', '+', 'COUNT', ARGV[3])}`)

	// pageScript: epoch, before, limit. From the highest Ref down until the limit of different ones is passed, a block at a time; what is about one message has one score.
	pageScript = redis.NewScript(inEpoch + `
local limit, at, different, last, seqs = tonumber(ARGV[3]), 0, 0, nil, {}
while true do
	local block = redis.call('ZREVRANGEBYSCORE', refs, '(' .. ARGV[2], '-inf', 'WITHSCORES', 'LIMIT', at, 256)
	for i = 1, #block, 2 do
		if block[i+1] ~= last then
			last, different = block[i+1], different + 1
			if different > limit then block = {} break end
		end
		seqs[#seqs+1] = tonumber(block[i])
	end
	if #block < 512 then break end
	at = at + 256
end
table.sort(seqs)
local records = {}
for i = 1, #seqs do
	local id = num(seqs[i]) .. '-0'
	records[i] = redis.call('XRANGE', log, id, id)[1]
	if not records[i] then return 'CORRUPT' end
end
return {field('first'), field('last'), records}`)

	// snapshotScript: epoch, seq, data.
	snapshotScript = redis.NewScript(inEpoch + `
local seq = tonumber(ARGV[2])
if seq > field('last') then return 'INVALID' end
if seq >= field('snapshot_seq') then
	redis.call('SET', snap, ARGV[3])
	redis.call('HSET', room, 'snapshot_seq', num(seq))
end
return 1`)

	// trimScript: epoch, the first to keep. A few hundred at a time (see Store.Trim), so that it keeps nobody waiting; answers how many are left to drop.
	trimScript = redis.NewScript(inEpoch + `
local keep, first = tonumber(ARGV[2]), field('first')
if keep > field('snapshot_seq') + 1 then return 'INVALID' end
local to = math.min(keep, first + 500)
if to <= first then return 0 end
local bytes = 0
for _, record in ipairs(redis.call('XRANGE', log, '-', num(to - 1) .. '-0')) do
	local seq, ref, data = string.match(record[1], '^%d+'), nil, ''
	for i = 1, #record[2], 2 do
		if record[2][i] == 'ref' then ref = record[2][i+1] elseif record[2][i] == 'data' then data = record[2][i+1] end
	end
	bytes = bytes + #data
	if ref ~= '0' then redis.call('ZREM', refs, seq) end
end
redis.call('XTRIM', log, 'MINID', num(to) .. '-0')
redis.call('HINCRBY', room, 'bytes', num(-bytes))
redis.call('HSET', room, 'first', num(to))
return keep - to`)

	// renewScript: epoch, ID, new epoch, channel.
	renewScript = redis.NewScript(inEpoch + `
redis.call('HSET', room, 'epoch', ARGV[3])
grown(ARGV[2], field('last'))
return 1`)

	// deleteScript: ID, touched before (in microseconds), channel.
	deleteScript = redis.NewScript(room + `
if redis.call('EXISTS', room) == 0 or field('touched') >= tonumber(ARGV[2]) then return 0 end
redis.call('UNLINK', room, log, refs, snap)
redis.call('ZREM', rooms, ARGV[1])
grown(ARGV[1], 0)
return 1`)

	// addScript: delta, limit, time to live in milliseconds; the key is the counter.
	addScript = redis.NewScript(`
local have, delta, limit = tonumber(redis.call('GET', KEYS[1]) or '0'), tonumber(ARGV[1]), tonumber(ARGV[2])
if delta > 0 and have + delta > limit then return {have, 0} end
local n = math.max(have + delta, 0)
if redis.call('EXISTS', KEYS[1]) == 0 then
	redis.call('SET', KEYS[1], string.format('%.0f', n), 'PX', ARGV[3])
else
	redis.call('SET', KEYS[1], string.format('%.0f', n), 'KEEPTTL')
end
return {n, 1}`)

	// nodesScript: node, time to live in milliseconds (0: it leaves, -1: only look); answers who lives.
	nodesScript = redis.NewScript(`
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
if ARGV[2] == '0' then
	redis.call('ZREM', KEYS[1], ARGV[1])
elseif ARGV[2] ~= '-1' then
	redis.call('ZADD', KEYS[1], string.format('%.0f', now + ARGV[2]), ARGV[1])
end
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now))
return redis.call('ZRANGE', KEYS[1], 0, -1)`)
)
