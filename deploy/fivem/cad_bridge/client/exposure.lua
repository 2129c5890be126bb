-- The bridge's token must never be here. Where it is, it was set with setr, and the server is told; the hash
-- shows that it is the token itself.

local LOOK_EVERY = 60000 -- ms

CreateThread(function()
    while true do
        local token = GetConvar('cad_bridge_token', '')
        if token ~= '' then
            TriggerServerEvent('cad_bridge:tokenSeen', GetHashKey(token))
        end
        Wait(LOOK_EVERY)
    end
end)
