-- Lines on the server's console; FXServer puts the resource's name before each.

Log = {}

local MOST = 500 -- different lines that are remembered for throttling

local said, count = {}, 0

--- Something went as it should.
function Log.info(text)
    print(text)
end

--- Something is not as it should be, and the resource goes on.
function Log.warn(text)
    print('warning: ' .. text)
end

--- Something does not work.
function Log.error(text)
    print('error: ' .. text)
end

--- Whether something may be said again: at most once in so many seconds for one key.
function Log.isDue(key, seconds)
    local now = Clock.now()
    if said[key] and now - said[key] < seconds then
        return false
    end
    if not said[key] then
        if count >= MOST then
            said, count = {}, 0
        end
        count = count + 1
    end
    said[key] = now
    return true
end

--- A warning that is not repeated within so many seconds.
function Log.warnEvery(key, seconds, text)
    if Log.isDue(key, seconds) then
        Log.warn(text)
    end
end
