
# What a browser gets is compiled in, as it is and compressed: see web/embed.sh.

assess_web="$ngx_addon_dir/ngx_assess_module/web"

cat << END                                                    >> $NGX_MAKEFILE

$NGX_OBJS/assess_web/assess_web.h:	$(echo "$assess_web"/embed.sh \
    $(find "$assess_web" -type f ! -name '*.json' ! -name '*.md' | sort))
	sh $assess_web/embed.sh $NGX_OBJS/assess_web

$NGX_OBJS/addon/http/ngx_http_assess_asset.o: \
	$NGX_OBJS/assess_web/assess_web.h

END
