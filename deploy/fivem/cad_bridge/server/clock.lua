-- Seconds since the resource started, for waits and ages; never the time of day, which may jump.

Clock = {}

local last
local seconds = 0.0

--- Seconds as a float. FXServer's timer has 32 bits for milliseconds and starts anew after weeks.
function Clock.now()
    local timer = GetGameTimer()
    if last then
        seconds = seconds + ((timer - last) & 0xffffffff) / 1000
    end
    last = timer
    return seconds
end
