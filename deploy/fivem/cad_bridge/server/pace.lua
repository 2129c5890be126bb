-- How often a player may do something.

Pace = {}

local buckets = {} -- player -> name -> { left, at }

--- Takes one of `burst` tokens, of which one comes back every `seconds`; false where none is left.
function Pace.allows(player, name, seconds, burst)
    local now = Clock.now()
    local mine = buckets[player] or {}
    local bucket = mine[name] or { left = burst, at = now }
    buckets[player], mine[name] = mine, bucket
    if seconds > 0 then
        bucket.left = math.min(burst, bucket.left + (now - bucket.at) / seconds)
    else
        bucket.left = burst
    end
    bucket.at = now
    if bucket.left < 1 then
        return false
    end
    bucket.left = bucket.left - 1
    return true
end

--- The player has left.
function Pace.forget(player)
    buckets[player] = nil
end
