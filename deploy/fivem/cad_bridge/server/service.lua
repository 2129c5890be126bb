-- Whether the resource works, and if not, why.

Service = {}

local REMIND_EVERY = 600 -- seconds

local refusal

--- Stops everything for good; `reason` is one line, `remedy` a list of lines about how to mend it.
function Service.refuse(reason, remedy)
    if refusal then
        return
    end
    refusal = reason
    Log.error(reason)
    for _, line in ipairs(remedy) do
        Log.error(line)
    end
    Log.error(('Nothing is sent. Mend it, then: restart %s'):format(GetCurrentResourceName()))
    CreateThread(function()
        while true do
            Wait(REMIND_EVERY * 1000)
            Log.error(('Nothing is sent: %s'):format(reason))
        end
    end)
end

--- Why nothing is done, or nil.
function Service.refusal()
    return refusal
end
