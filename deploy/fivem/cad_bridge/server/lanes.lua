-- Where events wait. Panics have a lane of their own, in which those of different units do not wait for each
-- other. Everything else goes one by one, in order: a note may be about the call before it.

Lanes = {}

local panics = { width = 4, slowest = 5, queue = {}, flying = 0 }
local others = { width = 1, slowest = 15, queue = {}, flying = 0 }
local order = { panics, others } -- panics go first

--- All lanes, that of the panics first.
function Lanes.all()
    return order
end

--- The lane of an event.
function Lanes.of(event)
    return event.kind == 'panic' and panics or others
end

--- How many panics and how many others wait.
function Lanes.waiting()
    return #panics.queue, #others.queue
end

--- Puts an event behind the others of its lane.
function Lanes.put(event)
    event.attempts, event.faults, event.tryAt, event.flying = 0, 0, 0, false
    local queue = Lanes.of(event).queue
    queue[#queue + 1] = event
end

--- Takes an event out.
function Lanes.take(event)
    local queue = Lanes.of(event).queue
    for index, other in ipairs(queue) do
        if other == event then
            table.remove(queue, index)
            return
        end
    end
end

--- Takes all events out, and returns them.
function Lanes.empty()
    local found = {}
    for _, lane in ipairs(order) do
        table.move(lane.queue, 1, #lane.queue, #found + 1, found)
        lane.queue = {}
    end
    return found
end

--- Those events of a lane that are not under way and of which something is true.
function Lanes.resting(lane, isTrue)
    local found = {}
    for _, event in ipairs(lane.queue) do
        if not event.flying and isTrue(event) then
            found[#found + 1] = event
        end
    end
    return found
end

--- The first event that may go, or nil: never two of one unit at once, and in a narrow lane none before the
-- first but where that one was set aside.
function Lanes.next(lane, now)
    if lane.flying >= lane.width then
        return nil
    end
    local busy = {}
    for _, event in ipairs(lane.queue) do
        if not event.flying and not busy[event.unit or event] and now >= event.tryAt then
            return event
        elseif lane.width == 1 and not event.aside then
            return nil
        end
        busy[event.unit or event] = true
    end
end
