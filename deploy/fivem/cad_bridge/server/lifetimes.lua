-- For how long an event is tried; the bridge takes as long for the way to the CAD.
--
-- Within a run they are counted by the clock that never jumps. Only what lies on the shelf has a time of day.

Lifetimes = {}

local SECONDS = {
    panic_on = 600,
    panic_off = 86400,
    status = 600,
    kick = 60,
    call_911 = 900,
    other = 86400,
}

local function secondsOf(event)
    if event.kind == 'panic' then
        return event.active == false and SECONDS.panic_off or SECONDS.panic_on
    end
    return SECONDS[event.kind] or SECONDS.other
end

--- An event begins to live.
function Lifetimes.begin(event)
    event.lastsUntil = Clock.now() + secondsOf(event)
end

--- An event from the shelf goes on to live; for no longer than a new one, however the time of day was set.
function Lifetimes.resume(event)
    local left = math.min(event.expires - os.time(), secondsOf(event))
    event.lastsUntil = Clock.now() + left
end

--- Whether its time is over.
function Lifetimes.isOver(event)
    return Clock.now() >= event.lastsUntil
end

--- The time of day at which its time is over, in seconds since 1970.
function Lifetimes.expiry(event)
    return os.time() + math.ceil(event.lastsUntil - Clock.now())
end
