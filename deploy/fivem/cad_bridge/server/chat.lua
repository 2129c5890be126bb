-- What players read.

Chat = {}

--- Says a text of the locale to a player who is still there.
function Chat.say(player, key)
    if GetPlayerName(player) then
        TriggerClientEvent('chat:addMessage', player, { args = { Locale.say('sender'), Locale.say(key) } })
    end
end
